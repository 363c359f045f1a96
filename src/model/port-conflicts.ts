import { isIP } from 'node:net'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import type { GatewaySpec } from './gateway.ts'
import { canonicalIp } from './ip.ts'
import type { CheckContext, Door } from './kind.ts'
import { boundAddress, type Listener } from './listener.ts'
import { all, type State } from './state.ts'

/**
 * Two listeners on one port of one address split the traffic silently (SO_REUSEPORT), so none may overlap. Nor may one
 * with a socket of weir's own, where Envoy could not bind it.
 */
export function portConflicts(document: Document, state: State, context: CheckContext): Problem[] {
  const own = listenersOf(document)
  const byPort = context.supervised ? listenersByPort(state) : undefined
  return own.flatMap((listener, index) => {
    const others = byPort?.get(listener.spec.port)?.filter(({ gateway }) => gateway !== document.name) ?? []
    const rival = [...own.slice(0, index), ...others].find((other) =>
      overlaps(placeOf(listener.spec, context), placeOf(other.spec, context)),
    )
    const door = doorAt(placeOf(listener.spec, context), context)
    if (rival === undefined && door === undefined) return []
    const user =
      rival === undefined
        ? `weir itself: ${door!.title} (${door!.setting})`
        : `listener ${rival.gateway}/${rival.spec.name}`
    return [
      {
        pointer: `/spec/listeners/${index}/port`,
        message: `port ${listener.spec.port} is already used by ${user}`,
        remedy: 'choose another port or another address',
      },
    ]
  })
}

function doorAt(place: Place, { supervised, doors = [] }: CheckContext): Door | undefined {
  return supervised ? doors.find(({ address }) => overlaps(place, address)) : undefined
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

interface Place {
  host: string
  port: number
}

function placeOf(listener: Listener, context: CheckContext): Place {
  return { host: boundAddress(listener, context), port: listener.port }
}

function overlaps(a: Place, b: Place): boolean {
  if (a.port !== b.port) return false
  const [left, right] = [addressOf(a), addressOf(b)]
  return left === right || anyAddress.has(left) || anyAddress.has(right)
}

/** Which address of this machine a name stands for is not known here: it may be any. */
function addressOf({ host }: Place): string {
  if (host === 'localhost') return '127.0.0.1'
  return isIP(host) === 0 ? '0.0.0.0' : canonicalIp(host)
}

const anyAddress = new Set(['0.0.0.0', '::'])
