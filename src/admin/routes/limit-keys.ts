import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { WeirError } from '../../errors.ts'
import { find } from '../../model/state.ts'
import { rateLimit } from '../../policies/rate-limit/compile.ts'
import type { RateLimitSpec } from '../../policies/rate-limit/schema.ts'
import type { BusyKey } from '../../ratelimit/decision/verdict.ts'
import type { AdminContext } from '../context.ts'
import { BusyCounter, busyCounterJson, Counter, counterJson } from '../limit-json.ts'
import { missingObject } from '../object-url.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { jsonValueOf } from '../read-value.ts'
import { clipped, refusal } from '../refusal.ts'

/** 128 bits in base64url. */
const idPattern = '^[A-P][A-Za-z0-9_-]{20}[AEIMQUYcgkosw048]$'

const policyParams = Type.Object({ name: Type.String({ description: 'Name of the policy.' }) })

const keyParams = Type.Object({
  name: Type.String({ description: 'Name of the policy.' }),
  id: Type.String({
    description: 'The counter’s id, as `.../keys` and `/v1/explain` say it.',
    pattern: idPattern,
  }),
})

const topParameter = {
  top: Type.Optional(
    Type.Integer({ description: 'How many.', minimum: 1, maximum: 100, default: 20, examples: [20] }),
  ),
}

const Grant = Type.Object(
  {
    amount: Type.Integer({
      description: 'Cost that is given back, of what is in use.',
      minimum: 1,
      maximum: 1_000_000_000,
      examples: [10],
    }),
  },
  { additionalProperties: false },
)

const answered = { '200': Counter, ...problemResponses }

/** The counters of a policy: who is throttled, who is close to it; one counter read, forgotten, given back to. */
export function limitKeyRoutes(app: FastifyInstance, context: AdminContext): void {
  busyKeysRoute(app, (policy, top) => busyKeys(context, policy, top))
  const url = `/v1/${rateLimit.plural}/:name/keys/:id`
  const common = { tags: ['limits'], params: keyParams, querystring: Query({}), response: answered }

  const peek = {
    ...common,
    summary: 'Read one counter of a policy',
    description: 'One that is idle has everything left; whether it was ever used is not known then.',
  }
  app.get(url, { schema: peek }, async (request) => counterOf(context, request))

  const reset = {
    ...common,
    summary: 'Make a counter of a policy idle',
    description:
      'Everything is left then. The answer is the counter afterwards. One that is idle already is a 404.',
  }
  app.delete(url, { schema: reset }, async (request) => {
    const { name, id } = askedOf(request)
    const wasUsed = await context.limits.reset(name, id)
    if (wasUsed === undefined) throw await notInForce(context, name)
    if (!wasUsed) {
      const remedy = `GET /v1/${rateLimit.plural}/${clipped(name)}/keys lists those in use`
      throw refusal('not_found', `The counter ${id} is idle: there is nothing to forget.`, remedy)
    }
    return counterOf(context, request)
  })

  const grant = {
    ...common,
    summary: 'Give a counter of a policy back some of what it has in use',
    description: 'Never beyond the limit. The answer is the counter afterwards.',
    body: { content: { 'application/json': { schema: Grant } } },
  }
  app.post(url, { schema: grant }, async (request) => {
    const { name, id } = askedOf(request)
    const { amount } = await jsonValueOf(context, request, Grant)
    if ((await context.limits.grant(name, id, amount)) === undefined) throw await notInForce(context, name)
    return counterOf(context, request)
  })
}

/** The list, by whoever knows it. */
export function busyKeysRoute(
  app: FastifyInstance,
  busiest: (policy: string, top: number) => Promise<BusyKey[]>,
): void {
  const schema = {
    summary: 'The busiest counters of a policy',
    description:
      'Those that were refused most of late, then those that were used most. They are counted in bounded memory, by ' +
      'which `recent`, in requests, may be too low by its `error`; `used` and `remaining` are exact.',
    tags: ['limits'],
    params: policyParams,
    querystring: Query(topParameter),
    response: { '200': Type.Object({ items: Type.Array(BusyCounter) }), ...problemResponses },
  }
  app.get(`/v1/${rateLimit.plural}/:name/keys`, { schema }, async (request) => {
    const { name } = request.params as { name: string }
    const { top = 20 } = request.query as { top?: number }
    const busy = await busiest(name, top)
    return { items: busy.map(busyCounterJson) }
  })
}

async function busyKeys(context: AdminContext, policy: string, top: number): Promise<BusyKey[]> {
  const busy = await context.limits.busyKeys(policy, top)
  if (busy === undefined) throw await notInForce(context, policy)
  if (context.decides) return busy
  const path = `/v1/${rateLimit.plural}/${clipped(policy)}/keys`
  throw refusal(
    'unavailable',
    'This process decides no requests: which keys are busy is known by the rate-limit services.',
    `ask each of them for its own: GET ${path} at its WEIR_ADMIN_ADDR; one counter by its id can be asked for here`,
  )
}

/** There is no such policy; or it was written a moment ago, and is not in force here yet. */
async function notInForce({ store }: AdminContext, policy: string): Promise<WeirError> {
  const row = find(await store.current(), rateLimit.kind, policy)
  if (row === undefined) return missingObject(rateLimit, policy)
  if ((row.document.spec as RateLimitSpec).scope === 'envoy') {
    return refusal(
      'not_found',
      `RateLimitPolicy/${clipped(policy)} is counted by each Envoy by itself, and weir knows no counters of it.`,
      'look at http_local_rate_limit in the statistics of the Envoys, or write scope: fleet',
    )
  }
  const message = `RateLimitPolicy/${clipped(policy)} is written, and not in force here yet.`
  const problems = [{ pointer: '', message, remedy: 'ask again in a moment, or write it with wait=acked' }]
  return new WeirError('unavailable', message, { problems, retryAfter: 1 })
}

export function missing(policy: string): never {
  throw missingObject(rateLimit, policy)
}

async function counterOf(context: AdminContext, request: FastifyRequest): Promise<Counter> {
  const { name, id } = askedOf(request)
  const report = await context.limits.peek(name, id)
  if (report === undefined) throw await notInForce(context, name)
  return counterJson(report)
}

/** What the URL names. Throws `malformed` for an id that is none. */
function askedOf(request: FastifyRequest): { name: string; id: string } {
  const { name, id } = request.params as { name: string; id: string }
  if (new RegExp(idPattern).test(id)) return { name, id }
  throw refusal(
    'malformed',
    `"${clipped(id)}" is no id of a counter.`,
    `GET /v1/${rateLimit.plural}/${clipped(name)}/keys and POST /v1/explain say ids`,
  )
}
