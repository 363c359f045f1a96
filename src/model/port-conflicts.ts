import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import type { GatewaySpec } from './gateway.ts'
import { canonicalIp } from './ip.ts'
import type { CheckContext } from './kind.ts'
import { boundAddress, type Listener } from './listener.ts'
import { all, type State } from './state.ts'

/** Two listeners on one port of one address split the traffic silently (SO_REUSEPORT), so none may overlap. */
export function portConflicts(document: Document, state: State, context: CheckContext): Problem[] {
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
  const [left, right] = [a, b].map((listener) => canonicalIp(boundAddress(listener, context))) as [
    string,
    string,
  ]
  const anyAddress = ['0.0.0.0', '::']
  return left === right || anyAddress.includes(left) || anyAddress.includes(right)
}
