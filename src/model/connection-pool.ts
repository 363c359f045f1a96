import { type Static, Type } from 'typebox'

const bound = (description: string, value: number) =>
  Type.Optional(
    Type.Integer({ description, minimum: 0, maximum: 4_294_967_295, default: value, examples: [value] }),
  )

/** Bounds of a connection pool (Envoy docs: intro/arch_overview/upstream/circuit_breaking). */
export const ConnectionPool = Type.Object(
  {
    maxConnections: bound('Connections to all endpoints together.', 1024),
    maxPendingRequests: bound('Requests that wait for a connection.', 1024),
    maxRequests: bound('Requests under way at once.', 1024),
    maxRetries: bound('Retries under way at once.', 3),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'Bounds of each Envoy’s connection pool, in Envoy’s terms (circuit breakers). A request beyond them gets a 503. Without it the defaults of its fields hold.',
  },
)

export type EffectiveConnectionPool = Required<Static<typeof ConnectionPool>>
