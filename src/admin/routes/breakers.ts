import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { Breaker, BreakerAction } from '../../model/breaker-json.ts'
import { cluster } from '../../model/cluster.ts'
import { milliseconds } from '../../model/duration.ts'
import { find } from '../../model/state.ts'
import { authorshipOf } from '../authorship.ts'
import { breakerJson } from '../breaker-json.ts'
import type { AdminContext } from '../context.ts'
import { missingObject } from '../object-url.ts'
import { problemResponses } from '../problem-schema.ts'
import { jsonValueOf } from '../read-value.ts'
import { clipped, refusal } from '../refusal.ts'

const params = Type.Object({ name: Type.String({ description: 'Name of the cluster.' }) })

/** `GET /v1/breakers`, `GET` and `POST /v1/clusters/{name}/breaker`. */
export function breakerRoutes(app: FastifyInstance, context: AdminContext): void {
  const { breakers, store } = context
  const tags = ['fleet']
  const list = {
    ...{ summary: 'The circuit breakers of all clusters that have one', tags },
    description:
      'By name. While the store of the breakers is away they are as this replica knew them last, and `warnings` say so.',
    response: {
      '200': Type.Object({ items: Type.Array(Breaker), warnings: Type.Array(Type.String()) }),
      ...problemResponses,
    },
  }
  app.get('/v1/breakers', { schema: list }, async () => {
    const views = await breakers.list()
    const warnings = breakers.warnings()
    return { items: views.map((view) => breakerJson(view, warnings)), warnings }
  })

  const url = `/v1/${cluster.plural}/:name/breaker`
  const answered = { '200': Breaker, ...problemResponses }
  const read = { summary: 'The circuit breaker of a cluster', tags, params, response: answered }
  app.get(url, { schema: read }, async (request) => {
    const { name } = request.params as { name: string }
    const view = await breakers.find(name)
    if (view === undefined) return missing(name)
    return breakerJson(view, breakers.warnings())
  })

  const act = {
    ...{ summary: 'Open or close the circuit breaker of a cluster by hand', tags, params },
    description:
      'In the whole fleet, and at once. The answer is the breaker afterwards. The headers `weir-author` and ' +
      '`weir-message` say who did it, and why. No revision is written. While the store of the breakers is away it is a 503.',
    body: { content: { 'application/json': { schema: BreakerAction } } },
    response: answered,
  }
  app.post(url, { schema: act }, async (request) => {
    const { name } = request.params as { name: string }
    const { state: to, for: time } = await jsonValueOf(context, request, BreakerAction)
    const note = authorshipOf(request.headers)
    if (to === 'closed' && time !== undefined) throw closedForATime()
    const micros = time === undefined ? {} : { for: milliseconds(time) * 1_000 }
    const view = await breakers.set(name, to === 'open' ? { to, note, ...micros } : { to, note })
    if (view === undefined) return missing(name)
    return breakerJson(view, breakers.warnings())
  })

  async function missing(name: string): Promise<never> {
    if (find(await store.current(), cluster.kind, name) === undefined) throw missingObject(cluster, name)
    throw refusal(
      'not_found',
      `The cluster ${clipped(name)} has no circuit breaker in force.`,
      'have its outlierDetection name a policy with a `breaker`',
    )
  }
}

function closedForATime() {
  const remedy = 'leave `for` out: outcomes of requests open it again'
  return refusal('malformed', 'A breaker is not closed for a time.', remedy)
}
