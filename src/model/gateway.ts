import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import { Duration } from './duration.ts'
import type { CheckContext, Kind } from './kind.ts'
import { Name } from './name.ts'
import { Port } from './port.ts'
import { all, type State } from './state.ts'

const Listener = Type.Object(
  {
    name: Name({ description: 'Unique in the gateway; routes name one listener as gateway/listener.' }),
    address: Type.Optional(
      Type.String({
        description: 'IP address to bind. Default: WEIR_LISTENER_ADDRESS.',
        format: 'weir-ip',
        remedy: 'write an IPv4 or IPv6 address, for example 127.0.0.1 or 0.0.0.0',
        examples: ['127.0.0.1'],
      }),
    ),
    port: Port('TCP port to bind.', 10000),
    protocol: Type.Enum(['http'], {
      description: 'What clients speak to it: http is HTTP/1.1 and HTTP/2 in clear.',
    }),
  },
  { additionalProperties: false },
)

const RateLimitService = Type.Object(
  {
    timeout: Type.Optional(
      Duration({
        description: 'How long Envoy waits for a rate-limit decision before `onUnavailable` applies.',
        default: '100ms',
        atLeast: '1ms',
        atMost: '10s',
        examples: ['100ms'],
      }),
    ),
    onUnavailable: Type.Optional(
      Type.Enum(['allow', 'deny'], {
        description:
          'What happens to a limited request when no decision arrives: it passes, or it gets a 500.',
        default: 'allow',
      }),
    ),
  },
  { additionalProperties: false, default: {} },
)

export const GatewaySpec = Type.Object(
  {
    listeners: Type.Array(Listener, {
      description: 'Where the Envoys of this gateway accept requests.',
      minItems: 1,
      maxItems: 64,
    }),
    rateLimitService: Type.Optional(RateLimitService),
  },
  { additionalProperties: false, description: 'A set of equal Envoys with their listeners.' },
)

export type GatewaySpec = Static<typeof GatewaySpec>
export type Listener = Static<typeof Listener>

/** Where a listener binds, with the default of the setting in place. */
export function boundAddress(listener: Listener, context: CheckContext): string {
  return listener.address ?? context.listenerAddress
}

export const gateway: Kind = {
  kind: 'Gateway',
  plural: 'gateways',
  description: 'A set of equal Envoys and the listeners on which they accept requests.',
  spec: GatewaySpec,
  example: { name: 'edge', spec: { listeners: [{ name: 'http', port: 10000, protocol: 'http' }] } },
  references: () => [],
  check: duplicateListenerNames,
  checkState: portConflicts,
}

function duplicateListenerNames(document: Document): Problem[] {
  const { listeners } = document.spec as GatewaySpec
  return listeners.flatMap(({ name }, index) => {
    const first = listeners.findIndex((other) => other.name === name)
    if (first === index) return []
    return [
      {
        pointer: `/spec/listeners/${index}/name`,
        message: `listener "${name}" is there twice`,
        remedy: 'give each listener of a gateway a name of its own',
      },
    ]
  })
}

/** Two listeners on one port of one address split the traffic silently (SO_REUSEPORT), so none may overlap. */
function portConflicts(document: Document, state: State, context: CheckContext): Problem[] {
  const own = listenersOf(document)
  const byPort = context.supervised ? listenersByPort(state) : undefined
  return own.flatMap((listener, index) => {
    const others = byPort?.get(listener.spec.port)?.filter(({ gateway }) => gateway !== document.name) ?? []
    const rival = [...own.slice(0, index), ...others].find((other) =>
      overlaps(listener.spec, other.spec, context),
    )
    if (rival === undefined) return []
    return [
      {
        pointer: `/spec/listeners/${index}/port`,
        message: `port ${listener.spec.port} is already used by listener ${rival.gateway}/${rival.spec.name}`,
        remedy: 'choose another port or another address',
      },
    ]
  })
}

interface OwnedListener {
  gateway: string
  spec: Listener
}

const portIndexes = new WeakMap<State, Map<number, OwnedListener[]>>()

/** Every listener of a state by its port; made once for all gateways of a write. */
function listenersByPort(state: State): Map<number, OwnedListener[]> {
  let index = portIndexes.get(state)
  if (index === undefined) {
    const listeners = all(state, 'Gateway').flatMap(({ document }) => listenersOf(document))
    index = Map.groupBy(listeners, ({ spec }) => spec.port)
    portIndexes.set(state, index)
  }
  return index
}

function listenersOf(document: Document): OwnedListener[] {
  return (document.spec as GatewaySpec).listeners.map((spec) => ({ gateway: document.name, spec }))
}

function overlaps(a: Listener, b: Listener, context: CheckContext): boolean {
  if (a.port !== b.port) return false
  const [left, right] = [boundAddress(a, context), boundAddress(b, context)]
  const anyAddress = ['0.0.0.0', '::']
  return left === right || anyAddress.includes(left) || anyAddress.includes(right)
}
