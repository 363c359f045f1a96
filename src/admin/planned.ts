import { type Static, Type } from 'typebox'
import type { WriteResult } from '../store/store.ts'
import type { AdminContext, GatewayChange } from './context.ts'
import { gatewaysOf } from './delivery.ts'

const Resources = Type.Array(
  Type.Object({
    type: Type.String({ description: 'cluster, endpoints, secret, extension, listener or route.' }),
    name: Type.String({ description: 'Name of the Envoy resource.' }),
  }),
)

const Drain = Type.Object({
  listener: Type.String(),
  how: Type.Enum(['removed', 'replaced', 'filter_chains'], {
    description:
      'removed: all of its connections; replaced: all, while a new listener takes those that come; filter_chains: those of the filter chains that change.',
  }),
  connections: Type.Union([Type.Integer(), Type.Literal('unknown')], {
    description:
      'How many are open now, at most all of which are cut: those that are idle, or not at their end, when Envoy’s drain time is over. unknown: no Envoy could be asked.',
  }),
  asked: Type.Integer({ description: 'Envoys that could be asked: those that this weir runs itself.' }),
  envoys: Type.Integer({ description: 'Connected Envoys of the gateway.' }),
})

export const ChangedGateway = Type.Object({
  gateway: Type.String(),
  added: Resources,
  changed: Resources,
  removed: Resources,
  drains: Type.Array(Type.String(), {
    description:
      'Listeners that Envoy would close or replace: open connections on them are drained. Changes of routes, clusters, endpoints and secrets drain nothing.',
  }),
})

export const Plan = Type.Object({
  gateway: Type.String(),
  steps: Type.Array(
    Type.Object({
      does: Type.Enum(['send', 'swap', 'remove'], {
        description:
          'send: what is new and changed; swap: a type as a whole; remove: what nothing names any more.',
      }),
      resources: Resources,
    }),
    {
      description:
        'In which order an Envoy gets there: each step once it has acknowledged those before. Secrets that nothing names may go earlier.',
    },
  ),
  drains: Type.Array(Drain, {
    description: 'The listeners that drain: how, and how many connections that may cut.',
  }),
})

interface Planned {
  gateways: Static<typeof ChangedGateway>[]
  plan: Static<typeof Plan>[]
}

/** What a write would do to the Envoys of each gateway, and how many connections it may cut now. */
export async function planned(context: AdminContext, result: WriteResult): Promise<Planned> {
  const { before, after } = result
  const changes = before === after ? [] : context.preview(before, after, gatewaysOf(context, result))
  return {
    gateways: changes.map(({ steps: _, drains, ...change }) => ({
      ...change,
      drains: drains.map(({ listener }) => listener),
    })),
    plan: await Promise.all(
      changes.map(async ({ gateway, steps, drains }) => ({
        ...{ gateway, steps },
        drains: await counted(context, gateway, drains),
      })),
    ),
  }
}

async function counted(
  { fleet, connections }: AdminContext,
  gateway: string,
  drains: GatewayChange['drains'],
): Promise<Static<typeof Drain>[]> {
  if (drains.length === 0) return []
  const envoys = fleet().filter((item) => item.gateway === gateway && item.state === 'connected')
  const answers = (await Promise.all(envoys.map(connections))).filter((answer) => answer !== undefined)
  return drains.map((drain) => {
    const open = answers.reduce((sum, byListener) => sum + (byListener.get(drain.listener) ?? 0), 0)
    const isUnknown = answers.length === 0 && envoys.length > 0
    return {
      ...drain,
      connections: isUnknown ? 'unknown' : open,
      ...{ asked: answers.length, envoys: envoys.length },
    }
  })
}
