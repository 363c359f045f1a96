import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { AdminContext } from '../context.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'

const LastNack = Type.Object({
  type: Type.String(),
  resources: Type.Array(Type.String()),
  error: Type.String(),
  at: Type.String({ format: 'date-time' }),
  resolvedAt: Type.Optional(
    Type.String({ format: 'date-time', description: 'When the Envoy had accepted all of this type again.' }),
  ),
})

const FleetEnvoy = Type.Object(
  {
    gateway: Type.String(),
    id: Type.String(),
    labels: Type.Record(Type.String(), Type.String()),
    version: Type.String(),
    addresses: Type.Array(Type.String(), { description: 'Where other gateways reach it.' }),
    state: Type.Enum(['connected', 'disconnected', 'refused']),
    protocol: Type.Optional(
      Type.Enum(['delta', 'sotw'], {
        description: 'The variant of ADS that it speaks; absent when it was refused.',
      }),
    ),
    peer: Type.String(),
    connectedAt: Type.String({ format: 'date-time' }),
    disconnectedAt: Type.Optional(Type.String({ format: 'date-time' })),
    types: Type.Record(Type.String(), Type.Unknown(), {
      description: 'State and revision of each resource type.',
    }),
    lastNack: Type.Union([LastNack, Type.Null()]),
    panic: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Clusters whose requests go to failing endpoints, too, since fewer than their panicThreshold are healthy. Only of Envoys that this weir runs itself.',
      }),
    ),
    drift: Type.Optional(
      Type.Integer({
        description:
          'Resources of which it has, by its own words, something else than it should: what is on its way to it, what it refused. `GET /v1/fleet/{node}/drift` names them.',
      }),
    ),
    reason: Type.Optional(Type.String({ description: 'Why it was refused or left.' })),
  },
  { title: 'FleetEnvoy', description: 'An Envoy as this replica sees it.' },
)

const Counters = Type.Object(
  {
    store: Type.Enum(['memory', 'redis']),
    url: Type.Optional(Type.String({ description: 'Of the store, without what is secret.' })),
    rung: Type.Optional(
      Type.Enum(['store', 'joining', 'away'], {
        description:
          'Who decides: the store; the store and the share of this replica, until all replicas are back; or each policy’s onStoreFailure.',
      }),
    ),
    why: Type.Optional(Type.String({ description: 'Why it is not the store alone.' })),
    seconds: Type.Optional(Type.Number({ description: 'For which it has been so.' })),
    replica: Type.Optional(Type.String({ description: 'The id of this replica.' })),
    record: Type.Optional(Type.Unknown({ description: 'The last record of the replicas that is known.' })),
    clocks: Type.Optional(
      Type.Object(
        {
          nodes: Type.Array(
            Type.Object({
              node: Type.String({ description: '`store`, or which of its servers.' }),
              seconds: Type.Number({ description: 'By which its clock is ahead of this replica’s.' }),
              error: Type.Number({ description: 'By which that may be wrong: half of the round trip.' }),
            }),
          ),
          warning: Type.Optional(Type.String({ description: 'Which clocks differ by too much.' })),
        },
        { description: 'How far the store’s clocks are from this replica’s.' },
      ),
    ),
    unmerged: Type.Optional(
      Type.Number({ description: 'Counters with requests that are not added to the store yet.' }),
    ),
    overAdmission: Type.Optional(
      Type.Unknown({ description: 'What may be admitted beyond a limit in one window now.' }),
    ),
  },
  { title: 'Counters', description: 'Where the counters of rate limits are, and who decides now.' },
)

/** `GET /v1/fleet`: the Envoys that this replica serves, or did until lately. */
export function fleetRoutes(app: FastifyInstance, { fleet, panic, counters }: AdminContext): void {
  const schema = {
    summary: 'The Envoys and what they have',
    tags: ['fleet'],
    querystring: Query({}),
    response: {
      '200': Type.Object({ items: Type.Array(FleetEnvoy), counters: Counters }),
      ...problemResponses,
    },
  }
  app.get('/v1/fleet', { schema }, async () => ({
    items: await Promise.all(
      fleet().map(async (item) => {
        const clusters = await panic(item)
        return clusters === undefined ? item : { ...item, panic: clusters }
      }),
    ),
    counters: counters(),
  }))
}
