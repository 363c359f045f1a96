import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { gateway } from '../../model/gateway.ts'
import { Rollout, rolloutActions } from '../../model/rollout-json.ts'
import { find } from '../../model/state.ts'
import type { AdminContext } from '../context.ts'
import { missingObject } from '../object-url.ts'
import { problemResponses } from '../problem-schema.ts'
import { jsonValueOf } from '../read-value.ts'
import { refusal } from '../refusal.ts'

const Action = Type.Object(
  {
    action: Type.Enum([...rolloutActions], {
      description:
        '`halt`: no further wave, what is there stays; `resume`: the wave goes on, or one that was reverted begins anew; ' +
        '`abort`: all Envoys get the base again; `promote`: all get the revision now.',
      examples: ['halt'],
    }),
  },
  { additionalProperties: false },
)

const params = Type.Object({ name: Type.String({ description: 'Name of the gateway.' }) })

/** `GET /v1/rollouts`, `GET` and `POST /v1/gateways/{name}/rollout`. */
export function rolloutRoutes(app: FastifyInstance, context: AdminContext): void {
  const { rollouts, store } = context
  const tags = ['fleet']
  const list = {
    ...{ summary: 'How far the gateways with a rollout are', tags },
    response: { '200': Type.Object({ items: Type.Array(Rollout) }), ...problemResponses },
  }
  app.get('/v1/rollouts', { schema: list }, async () => ({ items: rollouts.views() }))

  const answered = { '200': Rollout, ...problemResponses }
  const read = { summary: 'How far the rollout of a gateway is', tags, params, response: answered }
  const url = `/v1/${gateway.plural}/:name/rollout`
  app.get(url, { schema: read }, async (request) => {
    const { name } = request.params as { name: string }
    const [found] = rollouts.views(new Set([name]))
    return found ?? missing(name)
  })

  const act = {
    ...{ summary: 'Halt, resume, abort or promote the rollout of a gateway', tags, params },
    description: 'The answer is the rollout afterwards. What its state does not allow is a 409.',
    body: { content: { 'application/json': { schema: Action } } },
    response: answered,
  }
  app.post(url, { schema: act }, async (request) => {
    const { name } = request.params as { name: string }
    const { action } = await jsonValueOf(context, request, Action)
    return (await rollouts.act(name, action)) ?? missing(name)
  })

  async function missing(name: string): Promise<never> {
    if (find(await store.current(), gateway.kind, name) === undefined) throw missingObject(gateway, name)
    throw refusal('not_found', `The gateway ${name} has no rollout.`, 'give it a `rollout` with its waves')
  }
}
