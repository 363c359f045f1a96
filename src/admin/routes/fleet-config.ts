import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { servedTypes } from '../../xds/served-config.ts'
import type { AdminContext } from '../context.ts'
import { gatewayOf, gatewayParameter, nodeParams, notConnected } from '../node-url.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'

const ServedResource = Type.Object({
  type: Type.Enum([...servedTypes]),
  name: Type.String(),
  version: Type.String({ description: 'Hash of the content.' }),
  refused: Type.Optional(
    Type.String({ description: 'Why the Envoy refused this version; it has an older one, or none.' }),
  ),
  resource: Type.Record(Type.String(), Type.Unknown(), {
    description: 'The message, with the names of the .proto files. Secrets say "[redacted]".',
  }),
})

const ServedConfig = Type.Object(
  {
    gateway: Type.String(),
    id: Type.String(),
    revision: Type.Integer(),
    resources: Type.Array(ServedResource, { description: 'By type, then by name.' }),
  },
  { title: 'ServedConfig', description: 'What this replica serves to an Envoy.' },
)

/** `GET /v1/fleet/{node}/config`: what a connected Envoy is served, readable and without secrets. */
export function fleetConfigRoute(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'What an Envoy is served, without secrets',
    description:
      'The resources of the newest state, which the Envoy has once `GET /v1/fleet` says `acked` for their types.',
    tags: ['fleet'],
    params: nodeParams,
    querystring: Query({
      ...gatewayParameter,
      type: Type.Optional(Type.Enum([...servedTypes], { description: 'Only resources of this type.' })),
    }),
    response: { '200': ServedConfig, ...problemResponses },
  }
  app.get('/v1/fleet/:node/config', { schema }, async (request) => {
    const { node: id } = request.params as { node: string }
    const { gateway: wanted, type } = request.query as { gateway?: string; type?: string }
    const gateway = gatewayOf(context, id, wanted)
    const served = context.config({ gateway, id, ...(type === undefined ? {} : { type }) })
    if (served === undefined) throw notConnected(id)
    return served
  })
}
