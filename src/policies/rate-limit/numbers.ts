import { type Static, type TObject, Type } from 'typebox'
import type { Problem } from '../../errors.ts'
import { Duration } from '../../model/duration.ts'

const count = (description: string, minimum: number, example: number) =>
  Type.Integer({ description, minimum, maximum: 1_000_000_000, examples: [example] })

const every = Duration({ description: 'In what time.', atLeast: '1ms', atMost: '8784h', examples: ['1m'] })

const Refill = Type.Object(
  { tokens: count('How many tokens.', 1, 100), every },
  {
    additionalProperties: false,
    description: 'token_bucket: how fast tokens come back. Left out for the others.',
  },
)

const Rate = Type.Object(
  { requests: count('How many requests.', 1, 2), every },
  {
    additionalProperties: false,
    description: 'leaky_bucket: how fast requests leave the queue. Left out for the others.',
  },
)

/** The numbers of the four algorithms; which of them belong to which is said by `numberProblems`. */
export const numbers = {
  limit: Type.Optional(
    count(
      'fixed_window, sliding_window: requests admitted for one key in one window. Left out for the others.',
      0,
      100,
    ),
  ),
  window: Type.Optional(
    Duration({
      description: 'fixed_window, sliding_window: length of a window. Left out for the others.',
      atLeast: '100ms',
      atMost: '8784h',
      examples: ['1m'],
    }),
  ),
  capacity: Type.Optional(
    count('token_bucket: tokens of a full bucket, the largest burst. Left out for the others.', 0, 100),
  ),
  refill: Type.Optional(Refill),
  queue: Type.Optional(
    count('leaky_bucket: requests that may wait for their turn. Left out for the others.', 0, 100),
  ),
  rate: Type.Optional(Rate),
}

export type Numbers = Static<TObject<typeof numbers>>

const numberNames = Object.keys(numbers)

const ofAlgorithm: Record<string, readonly string[]> = {
  fixed_window: ['limit', 'window'],
  sliding_window: ['limit', 'window'],
  token_bucket: ['capacity', 'refill'],
  leaky_bucket: ['queue', 'rate'],
}

/** Numbers that are missing (where `all` are needed) or belong to another algorithm. */
export function numberProblems(algorithm: string, value: object, pointer: string, all: boolean): Problem[] {
  const own = ofAlgorithm[algorithm]!
  const missing = own.filter((name) => all && !Object.hasOwn(value, name))
  const foreign = numberNames.filter((name) => !own.includes(name) && Object.hasOwn(value, name))
  return [
    ...missing.map((name) => ({
      pointer: `${pointer}/${name}`,
      message: `"${name}" is missing for ${algorithm}`,
      remedy: 'add it',
    })),
    ...foreign.map((name) => ({
      pointer: `${pointer}/${name}`,
      message: `"${name}" is no number of ${algorithm}`,
      remedy: `remove it; ${algorithm} has ${own.join(' and ')}`,
    })),
  ]
}
