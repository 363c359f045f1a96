import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'

const most = 4_294_967_295

const bound = (description: string, value: number) =>
  Type.Optional(Type.Integer({ description, minimum: 0, maximum: most, default: value, examples: [value] }))

const RetryBudget = Type.Object(
  {
    budgetPercent: Type.Optional(
      Type.Integer({
        description: 'Retries under way at once, in percent of the requests that are under way or wait.',
        minimum: 0,
        maximum: 100,
        default: 20,
        examples: [20],
      }),
    ),
    minRetryConcurrency: bound('So many retries may be under way at once, however few requests are.', 3),
  },
  {
    additionalProperties: false,
    default: {},
    defaultWithout: 'maxRetries',
    description:
      'Bound of the retries under way at once that grows with the requests, so that a service that fails does not get many times its load. Without it maxRetries holds.',
  },
)

/** Bounds of a connection pool (Envoy docs: intro/arch_overview/upstream/circuit_breaking). */
export const ConnectionPool = Type.Object(
  {
    maxConnections: bound('Connections to all endpoints together.', 1024),
    maxPendingRequests: bound('Requests that wait for a connection.', 1024),
    maxRequests: bound('Requests under way at once.', 1024),
    retryBudget: Type.Optional(RetryBudget),
    maxRetries: Type.Optional(
      Type.Integer({
        description: 'Retries under way at once, however many requests are. Without it retryBudget holds.',
        minimum: 0,
        maximum: most,
        examples: [3],
      }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'Bounds of each Envoy’s connection pool, in Envoy’s terms (circuit breakers). A request beyond them gets a 503; of a retry beyond them the failure is passed on. Without it the defaults of its fields hold.',
  },
)

export type ConnectionPool = Static<typeof ConnectionPool>

export type EffectiveRetryBudget = Required<Static<typeof RetryBudget>>

type Bounds = 'maxConnections' | 'maxPendingRequests' | 'maxRequests'

export type EffectiveConnectionPool = Required<Pick<ConnectionPool, Bounds>> & {
  maxRetries?: number
  retryBudget?: EffectiveRetryBudget
}

/** Of the two Envoy takes the budget, and does not say so. */
export function connectionPoolProblems(pool: ConnectionPool | undefined, pointer: string): Problem[] {
  if (pool?.maxRetries === undefined || pool.retryBudget === undefined) return []
  const message = 'maxRetries does nothing beside retryBudget'
  const remedy = 'remove one of the two; retryBudget.minRetryConcurrency is what holds with few requests'
  return [{ pointer: `${pointer}/maxRetries`, message, remedy }]
}
