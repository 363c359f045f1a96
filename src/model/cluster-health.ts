import { type Static, Type } from 'typebox'
import { Breaker } from './breaker-json.ts'

export const endpointStates = [
  'healthy',
  'failed_health_check',
  'ejected',
  'failed_and_ejected',
  'degraded',
  'draining',
  'excluded',
  'unhealthy',
] as const
export type EndpointState = (typeof endpointStates)[number]

const time = (description: string) => Type.String({ format: 'date-time', description })

const Count = (description: string) => Type.Integer({ description })

const EndpointHealth = Type.Object({
  address: Type.String({ examples: ['10.0.0.7:8080'] }),
  state: Type.Enum([...endpointStates], {
    description:
      '`ejected`: by outlier detection; `draining`: by its document; `excluded`: Envoy counts it neither as healthy nor as failing, as before its first check; `unhealthy`: it gets no requests, and what Envoy tells does not say whether it failed its check or was ejected.',
  }),
})

const Hosts = Type.Object(
  {
    total: Type.Integer(),
    healthy: Count('Get requests.'),
    degraded: Count('Get requests where too few are healthy.'),
    excluded: Count('Neither healthy nor failing, as before their first check.'),
    failedHealthCheck: Type.Optional(Count('Fail their health check; absent where there is none.')),
    ejected: Count('Ejected by outlier detection.'),
    draining: Count('Drained by their document.'),
  },
  { description: 'Endpoints in number; one may both fail its check and be ejected.' },
)

const Figures = Type.Object(
  {
    at: time('When the Envoy said it.'),
    since: time('Since when what is counted is: replicas count from their start.'),
    ejections: Type.Object({ active: Count('Now.'), counted: Type.Integer() }),
    healthChecks: Type.Object({ attempts: Type.Integer(), failures: Type.Integer() }),
    requests: Type.Object({
      active: Count('On their way to endpoints now.'),
      pending: Count('Waiting for a connection now.'),
      overflowed: Count('Refused since the pool was full.'),
      retriesOverflowed: Count('Retries that were not made since too many were under way.'),
      inPanic: Count('Sent to whichever endpoint since too few were healthy.'),
    }),
    connectionsOverflowed: Count('Connections that the pool was too full to open.'),
    poolsFull: Type.Array(Type.Enum(['connections', 'requests', 'pending', 'retries']), {
      description: 'Bounds of `connectionPool` that are reached now (Envoy’s circuit breakers).',
    }),
  },
  { description: 'What the Envoy counts.' },
)

export const EnvoyHealth = Type.Object(
  {
    gateway: Type.String(),
    id: Type.String({ description: 'Its node id.' }),
    replica: Type.Optional(Type.String({ description: 'The replica of weir that has its stream.' })),
    state: Type.Enum(['told', 'silent', 'untold'], {
      description:
        '`silent`: it said nothing for 7 s, what is here is from before; `untold`: it never said anything of this cluster, as one whose bootstrap has no `stats_sinks`.',
    }),
    by: Type.Optional(
      Type.Enum(['stats', 'admin'], {
        description:
          'How hosts and endpoints are known: by what it streams, or by asking its admin interface.',
      }),
    ),
    at: Type.Optional(time('Of hosts, endpoints and panic.')),
    hosts: Type.Optional(Hosts),
    panic: Type.Optional(
      Type.Boolean({ description: 'Failing endpoints get requests, too, since too few are healthy.' }),
    ),
    endpoints: Type.Optional(
      Type.Array(EndpointHealth, {
        description:
          'Absent where the Envoy does not tell of endpoints one by one. In a large fleet only those that get no requests.',
      }),
    ),
    figures: Type.Optional(Figures),
  },
  { title: 'EnvoyHealth', description: 'A cluster as one Envoy sees it.' },
)

export const ClusterHealth = Type.Object(
  {
    cluster: Type.String(),
    at: time('Of this answer.'),
    state: Type.Enum(['healthy', 'impaired', 'panic', 'down', 'unknown'], {
      description:
        'The worst that an Envoy tells: `impaired`: it leaves an endpoint alone, or a pool is full; `panic`; `down`: it has no healthy endpoint; `unknown`: no Envoy tells anything.',
    }),
    why: Type.Optional(Type.String({ description: 'Why nothing is known, or not all.' })),
    envoys: Type.Array(EnvoyHealth),
    breaker: Type.Optional(Breaker),
  },
  { title: 'ClusterHealth', description: 'A cluster as the Envoys that have it see it.' },
)

/** A cluster with an Envoy that sees something amiss with it. */
export const Ailment = Type.Object(
  { cluster: Type.String(), ...EnvoyHealth.properties },
  { title: 'Ailment', description: 'A cluster with which one Envoy sees something amiss.' },
)

export const FleetHealth = Type.Object(
  {
    at: time('Of this answer.'),
    ailments: Type.Array(Ailment),
    more: Type.Integer({ description: 'How many more there are than the 1,000 that are listed.' }),
    breakers: Type.Array(Breaker, {
      description:
        'Strict circuit breakers that are open or half-open, as this replica knows them; 1,000 at most.',
    }),
    warnings: Type.Array(Type.String(), { description: 'Why breakers may not be so any more.' }),
    silent: Type.Array(Type.Object({ gateway: Type.String(), id: Type.String() }), {
      description: 'Connected Envoys that tell nothing of their clusters, or nothing any more.',
    }),
    why: Type.Optional(Type.String({ description: 'Why not all is known.' })),
  },
  { title: 'FleetHealth', description: 'What is amiss with clusters, as the Envoys see it.' },
)

export type EndpointHealth = Static<typeof EndpointHealth>
export type EnvoyHealth = Static<typeof EnvoyHealth>
export type ClusterHealth = Static<typeof ClusterHealth>
export type FleetHealth = Static<typeof FleetHealth>
/** What is amiss by what Envoys say. */
export type EnvoysAilments = Omit<FleetHealth, 'breakers' | 'warnings'>
