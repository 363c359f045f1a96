import { type Static, Type } from 'typebox'
import { HeldRowSchema } from './held-row.ts'
import { Rollout } from './rollout-json.ts'

const Time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }))

/** A row that had a part in what an Envoy refused. */
const RowBehind = Type.Object({
  kind: Type.String(),
  name: Type.String(),
  pointer: Type.Optional(
    Type.String({ description: 'The field in its document (RFC 6901), where that is known.' }),
  ),
})

/** What an Envoy refuses, and the rows behind it. */
export const RefusedResource = Type.Object({
  type: Type.String({ description: '`cluster`, `endpoints`, `listener`, `route`, `secret` or `extension`.' }),
  resource: Type.String(),
  error: Type.String({ description: 'What the Envoy says, shortened, without secrets.' }),
  rows: Type.Array(RowBehind),
})

export type RefusedResource = Static<typeof RefusedResource>

/** How far one Envoy got with a revision (`docs/delivery.md`). */
export const EnvoyReceipt = Type.Object({
  gateway: Type.String(),
  id: Type.String(),
  peer: Type.Optional(
    Type.String({ description: '`address:port` of its stream; absent while it is only expected.' }),
  ),
  replica: Type.Optional(Type.String({ description: 'The replica of weir that has its stream.' })),
  state: Type.Enum(
    ['pending', 'sent', 'warming', 'acked', 'nacked', 'superseded', 'not_connected', 'unknown'],
    {
      description:
        '`pending`: nothing of it was sent yet. `sent`: on its way. `warming`: the Envoy has the clusters that `warming` ' +
        'names and is not ready to use them. `acked`: it has all of it; without times there was nothing to send. `nacked`: ' +
        'it refuses a part. `superseded`: it came to a later revision without having had all of this one. ' +
        '`not_connected`: it left before; it counts for nothing until it is back. `unknown`: the replica that has its stream ' +
        'gives no sign of life; it is not waited for.',
    },
  ),
  by: Type.Optional(
    Type.Integer({
      description: 'The later revision that took the place of this one; of it the rest is told.',
    }),
  ),
  sentAt: Time('When the first response with a part of it went out.'),
  warmingSince: Time('Since when the Envoy has the clusters and has not acknowledged them.'),
  warming: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Names of the clusters that were sent and are not acknowledged.',
    }),
  ),
  ackedAt: Time('When it had all of it, or of `by`.'),
  nackedAt: Time('When it refused.'),
  disconnectedAt: Time('When it left; absent while it is connected.'),
  nacks: Type.Optional(Type.Array(RefusedResource, { description: 'What it refuses.' })),
})

export type EnvoyReceipt = Static<typeof EnvoyReceipt>

/** How far a rate-limit service got. */
export const ReplicaReceipt = Type.Object({
  id: Type.String({ description: 'Its id, as `counters.replica` of its `/readyz` says it.' }),
  name: Type.String({ description: 'Where it answers: address and machine.' }),
  state: Type.Enum(['acked', 'pending'], { description: 'Whether it answers by this revision.' }),
  revision: Type.Integer({ description: 'By which revision it answers; 0 before its first.' }),
})

/** What became of a write. */
export const Receipt = Type.Object({
  state: Type.Enum(['acked', 'pending', 'nacked', 'none'], {
    description:
      'Of the connected Envoys and the services that live: `pending` while one is on its way, else `nacked` where an ' +
      'Envoy refuses a part, else `acked`; `none`: no Envoy of these gateways is connected.',
  }),
  envoys: Type.Array(EnvoyReceipt, {
    description: 'The Envoys of the gateways concerned, one by one; last those that left within ten minutes.',
  }),
  replicas: Type.Array(ReplicaReceipt, {
    description: 'The rate-limit services that live, this one included, one by one.',
  }),
  rollouts: Type.Optional(
    Type.Array(Rollout, {
      description: 'How far the gateways concerned are that have a `rollout`, one by one.',
    }),
  ),
  heldBack: Type.Optional(
    Type.Array(HeldRowSchema, {
      description: 'What Envoy refuses: the last good form stays in force, or none. Absent where nothing is.',
    }),
  ),
})

export type Receipt = Static<typeof Receipt>
