import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { WeirError } from '../../errors.ts'
import { FleetEvent, fleetEventTypes, revisionOf } from '../../model/fleet-event.ts'
import type { AdminContext } from '../context.ts'
import { openEventStream } from '../event-stream.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { clipped, refusal } from '../refusal.ts'

/** Streams that are served at a time: each is looked at for every event. */
const maxStreams = 64

/** One event as the stream has it (HTML standard, section 9.2.5); its data are one line of JSON. */
const ServerSentEvent = Type.Object({
  id: Type.Optional(Type.String({ description: 'For `last-event-id`.' })),
  event: Type.String({ description: 'Its type.' }),
  data: Type.String({ contentMediaType: 'application/json', contentSchema: FleetEvent }),
})

interface EventQuery {
  revision?: number
  gateway?: string
  types?: string
}

/** `GET /v1/events`: what happens to revisions, Envoys, rows that are held back, rollouts and circuit breakers, as server-sent events. */
export function eventRoutes(app: FastifyInstance, context: AdminContext): void {
  const { events, closing } = context
  let streams = 0
  const schema = {
    summary:
      'What happens to revisions, Envoys, rows that are held back, rollouts and circuit breakers, live',
    description:
      'Server-sent events, until the client ends them or this weir stops. A client that comes back with the header ' +
      '`last-event-id` gets what it missed, or an event `lost` where that is not kept any more. Comments keep the ' +
      `connection busy; a client that does not read is dropped. At most ${maxStreams} at a time. Of Envoys each replica tells ` +
      'those that are connected to it; all else every replica tells.',
    tags: ['fleet'],
    querystring: Query({
      revision: Type.Optional(Type.Integer({ description: 'Only events about this revision.', minimum: 1 })),
      gateway: Type.Optional(
        Type.String({
          description:
            'Only this gateway’s Envoys and rollout; revisions, rows and breakers are told all the same.',
        }),
      ),
      types: Type.Optional(
        Type.String({
          description: `Only these types, with commas between them: ${fleetEventTypes.join(', ')}. \`lost\` is always told.`,
          examples: ['acked,nacked'],
        }),
      ),
    }),
    headers: Type.Object({
      'last-event-id': Type.Optional(Type.String({ description: 'The `id` of the last event that it has.' })),
    }),
    response: {
      '200': { description: 'Events.', content: { 'text/event-stream': { schema: ServerSentEvent } } },
      ...problemResponses,
    },
  }
  app.get('/v1/events', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const wants = filterOf(request.query as EventQuery)
    if (streams >= maxStreams) throw busy()
    const last = request.headers['last-event-id']
    const after = typeof last === 'string' ? last : undefined
    const stream = openEventStream({ events, after, wants, closing })
    streams++
    stream.once('close', () => streams--)
    return reply.type('text/event-stream').header('x-accel-buffering', 'no').send(stream)
  })
}

function busy(): WeirError {
  const message = `There are ${maxStreams} readers of the events already.`
  const remedy = 'end one of them, or ask another replica'
  return new WeirError('busy', message, { problems: [{ pointer: '', message, remedy }], retryAfter: 5 })
}

function filterOf({ revision, gateway, types }: EventQuery): (event: FleetEvent) => boolean {
  const wanted = types === undefined ? undefined : new Set(types.split(','))
  const unknown = [...(wanted ?? [])].find((type) => !fleetEventTypes.some((known) => known === type))
  if (unknown !== undefined) {
    const message = `There are no events of the type ${clipped(JSON.stringify(unknown))}.`
    throw refusal('malformed', message, `the types are ${fleetEventTypes.join(', ')}`)
  }
  return (event) =>
    (wanted === undefined || wanted.has(event.type)) &&
    (revision === undefined || revisionOf(event) === revision) &&
    (gateway === undefined || !('gateway' in event) || event.gateway === gateway)
}
