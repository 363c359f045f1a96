import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { WeirError } from '../../errors.ts'
import type { Explained } from '../../explain/explain.ts'
import { Question } from '../../explain/question.ts'
import { Breaker } from '../../model/breaker-json.ts'
import { breakerJson } from '../breaker-json.ts'
import type { AdminContext } from '../context.ts'
import { LocalLimit, localLimitJson, PolicyVerdict, verdictJson } from '../limit-json.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { jsonValueOf } from '../read-value.ts'

export type { Question }

const Entry = Type.Object({ key: Type.String(), value: Type.String() })

const RateLimitRequest = Type.Object({
  domain: Type.String(),
  descriptors: Type.Array(Type.Object({ entries: Type.Array(Entry) })),
})

const ExplainAnswer = Type.Object(
  {
    request: Type.Object(
      {
        gateway: Type.String(),
        listener: Type.String(),
        method: Type.Optional(Type.String()),
        host: Type.Optional(Type.String()),
        path: Type.Optional(Type.String({ description: 'In the form in which routes and limits see it.' })),
        clientIp: Type.Optional(Type.String()),
      },
      { description: 'The request as Envoy has it, where it gets as far as to look for a route.' },
    ),
    route: Type.Union([Type.Object({ name: Type.String() }), Type.Null()], {
      description: 'The route that takes it.',
    }),
    decision: Type.Object({
      status: Type.Integer({
        description: 'Status of the gateway’s own answer; 200 where it lets the request pass.',
      }),
      reason: Type.String({ description: 'Why, for people.' }),
      limits: Type.Array(PolicyVerdict, {
        description:
          'The policies that are asked, in their order; those after authentication only where those before it admit.',
      }),
      localLimits: Type.Array(LocalLimit, {
        description:
          'What the Envoy that it meets counts by itself, before those are asked: not judged here.',
      }),
    }),
    breakers: Type.Array(Type.Pick(Breaker, ['cluster', 'policy', 'state', 'halfOpenAt', 'warnings']), {
      description:
        'Strict circuit breakers of the clusters that the route forwards to, as they are now. `decision` does not judge whether one refuses the request.',
    }),
    rateLimitRequests: Type.Array(RateLimitRequest, {
      description:
        'What Envoy would send to the rate-limit service (envoy.service.ratelimit.v3.RateLimitRequest), the values in clear. Of a split the question about the breaker of the part that is drawn is not there.',
    }),
  },
  { title: 'Explanation', description: 'What would become of a request, and why.' },
)

export type ExplainAnswer = Static<typeof ExplainAnswer>

/** `POST /v1/explain`: nothing is counted, kept or logged of what is asked. */
export function explainRoute(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'Say what would become of a request',
    description:
      'Which route it meets and what every limit would decide, by the same code that decides. Nothing is sent or ' +
      'counted. The header `weir-revision` says of which state it is told: of what is in force here.',
    tags: ['limits'],
    querystring: Query({}),
    body: { content: { 'application/json': { schema: Question } } },
    response: { '200': ExplainAnswer, ...problemResponses },
  }
  app.post('/v1/explain', { schema }, async (request, reply) => {
    const question = await jsonValueOf(context, request, Question)
    const { explained, ...refused } = await context.explain(question)
    if (explained === undefined) {
      const { problems } = refused as { problems: WeirError['problems'] }
      throw new WeirError('invalid', 'The request cannot be explained.', { problems })
    }
    const breakers = await Promise.all(explained.breakers.map(breakerNow))
    return reply
      .header('weir-revision', String(explained.revision))
      .send({ ...answerOf(question.gateway, explained), breakers })
  })

  async function breakerNow({ cluster, policy }: Explained['breakers'][number]) {
    const view = await context.breakers.find(cluster)
    const warnings = context.breakers.warnings()
    if (view === undefined) return { cluster, policy, state: 'unknown' as const, warnings }
    const { state, halfOpenAt, warnings: doubts } = breakerJson(view, warnings)
    return { cluster, policy, state, ...(halfOpenAt !== undefined && { halfOpenAt }), warnings: doubts }
  }
}

function answerOf(gateway: string, explained: Explained): Omit<ExplainAnswer, 'breakers'> {
  const { listener, request, route, status, reason, verdicts, local, sent } = explained
  const asked = request === undefined ? {} : (({ headers: _, ...shown }) => shown)(request)
  return {
    request: { gateway, listener, ...asked },
    route: route === undefined ? null : { name: route },
    decision: { status, reason, limits: verdicts.map(verdictJson), localLimits: local.map(localLimitJson) },
    rateLimitRequests: [...sent],
  }
}
