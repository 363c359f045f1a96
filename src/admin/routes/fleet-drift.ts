import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { servedTypes } from '../../xds/served-config.ts'
import type { AdminContext } from '../context.ts'
import { gatewayOf, gatewayParameter, nodeParams, notConnected } from '../node-url.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'

const version = (description: string) => Type.Union([Type.String(), Type.Null()], { description })

const resource = {
  type: Type.Enum([...servedTypes]),
  name: Type.String(),
  expected: version('Version that it should have; null: it should have none.'),
  actual: version('Version that it has; null: none, or it is not known which.'),
}

const Drift = Type.Object(
  {
    gateway: Type.String(),
    id: Type.String(),
    revision: Type.Integer({ description: 'Of the model, which the Envoy is held to.' }),
    xds: Type.Array(
      Type.Object({
        peer: Type.String(),
        deviations: Type.Array(
          Type.Object({
            ...resource,
            is: Type.Enum(['missing', 'unexpected', 'other_version', 'unknown']),
            because: Type.Enum(['on_its_way', 'to_be_sent', 'refused', 'not_asked_for'], {
              description:
                'on_its_way: sent and not acknowledged; to_be_sent: in its turn; refused: it keeps what it had; not_asked_for: the Envoy has no use for it yet.',
            }),
          }),
        ),
      }),
      {
        description:
          'By what the Envoy said, one entry for each of its streams: the versions with which it connected, and what it acknowledged and refused since.',
      },
    ),
    configDump: Type.Union(
      [
        Type.Object({
          deviations: Type.Array(
            Type.Object({
              ...resource,
              is: Type.Enum(
                ['missing', 'unexpected', 'other_version', 'other_content', 'warming', 'leftover'],
                {
                  description:
                    'warming: it has it, and waits for something before it is in force; leftover: nothing that is in force names it, connections that drain may still use it.',
                },
              ),
            }),
          ),
        }),
        Type.Null(),
      ],
      {
        description:
          'By the `config_dump` of its admin interface. null: out of reach, as of every Envoy that this weir does not run itself, or several Envoys have this id.',
      },
    ),
  },
  { title: 'Drift', description: 'Where an Envoy has something else than it should.' },
)

/** `GET /v1/fleet/{node}/drift`: what a connected Envoy has against what it should have. */
export function fleetDriftRoute(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'Where an Envoy has something else than it should',
    description:
      'Empty lists where it has exactly what it is served. While a change is delivered there are deviations for a moment.',
    tags: ['fleet'],
    params: nodeParams,
    querystring: Query(gatewayParameter),
    response: { '200': Drift, ...problemResponses },
  }
  app.get('/v1/fleet/:node/drift', { schema }, async (request) => {
    const { node: id } = request.params as { node: string }
    const { gateway } = request.query as { gateway?: string }
    const drift = await context.drift({ gateway: gatewayOf(context, id, gateway), id })
    if (drift === undefined) throw notConnected(id)
    return drift
  })
}
