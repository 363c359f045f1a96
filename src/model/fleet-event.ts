import { type Static, type TProperties, Type } from 'typebox'
import { BreakerCause, BreakerGeneration, BreakerStateName } from './breaker-json.ts'
import { HeldRowSchema } from './held-row.ts'
import { RefusedResource } from './receipt.ts'
import { Rollout } from './rollout-json.ts'

const at = { at: Type.String({ format: 'date-time' }) }
const revision = { revision: Type.Integer() }
const envoy = {
  gateway: Type.String(),
  id: Type.String({ description: 'Its node id.' }),
  peer: Type.String({ description: '`address:port` of its stream.' }),
}

function Kind<Name extends string, Properties extends TProperties>(
  type: Name,
  description: string,
  properties: Properties,
) {
  return Type.Object({ type: Type.Literal(type), ...at, ...properties }, { description })
}

/** Everything that `GET /v1/events` tells, one a type: what is added here is served, documented and printed. */
export const fleetEventSchemas = [
  Kind('revision', 'A revision was written, here or at another replica.', { ...revision }),
  Kind('sent', 'The first part of a revision went out to an Envoy.', { ...envoy, ...revision }),
  Kind('warming', 'An Envoy was sent these clusters and has not acknowledged them.', {
    ...{ ...envoy, ...revision },
    clusters: Type.Array(Type.String()),
  }),
  Kind('acked', 'An Envoy has all of a revision.', { ...envoy, ...revision }),
  Kind('nacked', 'An Envoy refuses a part of a revision.', {
    ...{ ...envoy, ...revision },
    nacks: Type.Array(RefusedResource),
  }),
  Kind('superseded', 'A later revision came before an Envoy had all of this one.', {
    ...{ ...envoy, ...revision },
    by: Type.Integer({ description: 'The later one.' }),
  }),
  Kind('connected', 'An Envoy’s stream began.', {
    ...envoy,
    version: Type.String({ description: 'Of the Envoy.' }),
    protocol: Type.Enum(['delta', 'sotw']),
  }),
  Kind('disconnected', 'An Envoy’s stream ended.', { ...envoy, reason: Type.String() }),
  Kind('quarantined', 'A row is held back from all Envoys, or another form of it is in force instead.', {
    row: HeldRowSchema,
  }),
  Kind('quarantine_disputed', 'Another Envoy has the row in force, so that it is held back no longer.', {
    row: HeldRowSchema,
  }),
  Kind('released', 'A row is held back no longer: it has another form, was deleted, or is tried again.', {
    row: HeldRowSchema,
  }),
  Kind('rollout_moved', 'A rollout came to another state, wave or revision, here or at another replica.', {
    gateway: Type.String(),
    revision: Type.Integer({ description: 'What is rolled out.' }),
    ...{ base: Rollout.properties.base, state: Rollout.properties.state },
    wave: Type.Integer({ description: 'Counted from 1: the one that it is in, or was in.' }),
    reason: Rollout.properties.reason,
  }),
  Kind('breaker_moved', 'A circuit breaker came to another state, here or at another replica.', {
    cluster: Type.String(),
    from: BreakerStateName,
    to: BreakerStateName,
    cause: BreakerCause,
    generation: BreakerGeneration,
    author: Type.Optional(Type.String({ description: 'Who did it by hand.' })),
    message: Type.Optional(Type.String({ description: 'And why.' })),
  }),
  Kind(
    'lost',
    'Events between the one that was named by Last-Event-ID and the next one are not kept any more.',
    {
      remedy: Type.String(),
    },
  ),
] as const

export const FleetEvent = Type.Union([...fleetEventSchemas], {
  title: 'FleetEvent',
  description: 'The data of one event of `GET /v1/events`; its `type` is the name of the event, too.',
})

export type FleetEvent = Static<(typeof fleetEventSchemas)[number]>

/** The names of the types, in the order in which they are documented. */
export const fleetEventTypes = fleetEventSchemas.map(({ properties }) => properties.type.const)

/** The revision that an event is about, where it is about one. */
export function revisionOf(event: FleetEvent): number | undefined {
  if ('row' in event) return event.row.revision
  return 'revision' in event ? event.revision : undefined
}
