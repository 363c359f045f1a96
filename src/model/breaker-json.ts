import { type Static, Type } from 'typebox'
import { Duration } from './duration.ts'

export const BreakerStateName = Type.Enum(['closed', 'open', 'half_open'])

export const BreakerCause = Type.Enum(
  ['new', 'outcomes', 'time', 'probe_failed', 'probes_succeeded', 'hand'],
  {
    description:
      'Why it came to this state: the first one of the cluster, outcomes of requests, the time for which it was open, probes, or somebody by hand.',
  },
)

export const BreakerGeneration = Type.String({
  description: 'Of the time since the last transition; outcomes of requests of an older one do not count.',
})

const time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }))

/** The strict circuit breaker of a cluster. */
export const Breaker = Type.Object(
  {
    cluster: Type.String(),
    policy: Type.String({ description: 'The OutlierDetectionPolicy that has it.' }),
    state: Type.Union([BreakerStateName, Type.Literal('unknown')], {
      description:
        'closed: requests go; open: they are refused; half_open: probes alone go. unknown: the store is away, and this replica heard of it never.',
    }),
    since: time('When it came to this state, by the clock of the store.'),
    cause: Type.Optional(BreakerCause),
    generation: Type.Optional(BreakerGeneration),
    outcomes: Type.Optional(
      Type.Object(
        { failures: Type.Integer(), of: Type.Integer() },
        { description: 'While it is closed: of so many of the last requests so many failed.' },
      ),
    ),
    opensAt: Type.Object(
      { failures: Type.Integer(), of: Type.Integer() },
      { description: 'So many failures of so many requests open it.' },
    ),
    halfOpenAt: time('While it is open: when probes go. Absent where it is held until it is closed by hand.'),
    probes: Type.Optional(
      Type.Object(
        { inFlight: Type.Integer(), of: Type.Integer(), successes: Type.Integer() },
        { description: 'While it is half-open; `of` successes close it.' },
      ),
    ),
    held: Type.Optional(
      Type.Object(
        {
          until: time('Absent where it is held until it is closed by hand.'),
          author: Type.String(),
          message: Type.String(),
        },
        { description: 'It was opened by hand.' },
      ),
    ),
    warnings: Type.Array(Type.String(), { description: 'Why this may not be so any more.' }),
  },
  { title: 'Breaker', description: 'The strict circuit breaker of a cluster, the same for the whole fleet.' },
)

export type Breaker = Static<typeof Breaker>

/** What is done to one by hand. */
export const BreakerAction = Type.Object(
  {
    state: Type.Enum(['open', 'closed'], {
      description:
        '`open`: every request is refused; `closed`: they go, and outcomes are counted from none on.',
      examples: ['open'],
    }),
    for: Type.Optional(
      Duration({
        description: 'With open: how long until probes go. Without it until it is closed by hand.',
        atLeast: '1s',
        atMost: '720h',
        examples: ['10m'],
      }),
    ),
  },
  { additionalProperties: false },
)

export type BreakerAction = Static<typeof BreakerAction>
