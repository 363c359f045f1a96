import { type Static, Type } from 'typebox'

export const rolloutActions = ['halt', 'resume', 'abort', 'promote'] as const
export type RolloutAction = (typeof rolloutActions)[number]

const Figures = Type.Object({
  requests: Type.Integer({ description: 'Requests that clients had answered.' }),
  errorRate: Type.Number({ description: 'Of these, answered by 5xx, in percent.' }),
  p99: Type.Optional(
    Type.Number({
      description: 'Milliseconds that 99 of 100 did not exceed, as a bound of Envoy’s histogram.',
    }),
  ),
})

/** How far the Envoys of a gateway are moved to a revision. */
export const Rollout = Type.Object(
  {
    gateway: Type.String(),
    state: Type.Enum(['running', 'halted', 'reverting', 'reverted', 'done']),
    revision: Type.Integer({ description: 'What is rolled out.' }),
    base: Type.Integer({ description: 'What the Envoys have that it has not come to.' }),
    wave: Type.Optional(
      Type.Object(
        {
          number: Type.Integer({ description: 'Counted from 1.' }),
          of: Type.Integer(),
          envoys: Type.String({ description: 'Whom it is for, as in `track=canary` and `25%`.' }),
          phase: Type.Optional(
            Type.Enum(['delivering', 'settling'], {
              description: 'While it is running: not acknowledged by all yet, or acknowledged and watched.',
            }),
          ),
          since: Type.String({ format: 'date-time' }),
        },
        { description: 'The wave that it is in, or was in; absent once all have the same.' },
      ),
    ),
    envoys: Type.Optional(
      Type.Object(
        { reached: Type.Integer(), pending: Type.Integer(), others: Type.Integer() },
        {
          description: 'Envoys that it has come to, of these such as have not acknowledged it, and the rest.',
        },
      ),
    ),
    figures: Type.Object(
      { reached: Figures, others: Figures, before: Figures },
      {
        description:
          'What the gate compares: while the wave is watched, and of all before the rollout began, or lately where none is under way.',
      },
    ),
    reason: Type.String({ description: 'Why it was halted, reverted or ended; else empty.' }),
    driver: Type.Optional(Type.String({ description: 'The replica that moves rollouts on.' })),
    startedAt: Type.String({ format: 'date-time' }),
    changedAt: Type.String({ format: 'date-time' }),
  },
  { title: 'Rollout', description: 'How far the Envoys of a gateway are moved to a revision.' },
)

export type Rollout = Static<typeof Rollout>
