import type { LimitNumbers } from '../../model/limit-rule.ts'
import { escapePointer } from '../../model/walk.ts'
import type { Numbers } from './numbers.ts'
import { matchOf, numbersOf } from './rule.ts'
import type { RateLimitSpec } from './schema.ts'

/** Numbers that a policy has for some of its requests. */
export interface Place {
  /** JSON pointer to the object that they are written in. */
  pointer: string
  /** Whose they are, for a sentence. */
  whose: string
  written: Numbers
  /** All of them, those that the place leaves out included. */
  numbers: LimitNumbers
}

/** Every place of numbers in a policy, its own first. They must be those of its algorithm. */
export function placesOf(spec: RateLimitSpec): Place[] {
  const { plans = {}, overrides = [] } = spec
  const place = (pointer: string, whose: string, written: Numbers): Place => ({
    ...{ pointer, whose, written, numbers: numbersOf(spec, written) },
  })
  return [
    place('/spec', 'the policy', spec),
    ...Object.entries(plans).map(([plan, written]) =>
      place(`/spec/plans/${escapePointer(plan)}`, `plan ${plan}`, written),
    ),
    ...overrides.map((override, index) => place(`/spec/overrides/${index}`, `override ${index}`, override)),
  ]
}

/** Where the number of that name is written that is in force at a place: there, or in the policy. */
export function pointerTo({ pointer, written }: Place, field: keyof Numbers): string {
  return `${Object.hasOwn(written, field) ? pointer : '/spec'}/${field}`
}

/** Overrides that are for the very same requests as an earlier one, with the earlier one. */
export function repeatedOverrides({ overrides = [] }: RateLimitSpec): { index: number; first: number }[] {
  const seen = new Map<string, number>()
  return overrides.flatMap(({ match }, index) => {
    const text = JSON.stringify(matchOf(match))
    const first = seen.get(text)
    if (first === undefined) seen.set(text, index)
    return first === undefined ? [] : [{ index, first }]
  })
}
