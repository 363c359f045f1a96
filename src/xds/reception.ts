import type { Observe, XdsRule } from '../observe.ts'
import type { Violation } from './bounds.ts'
import type { Fleet } from './fleet.ts'
import { type Identity, identify } from './node.ts'
import { type Denial, denial, type Pass } from './pass.ts'

/** Why a stream is not served. */
export interface Refusal {
  readonly rule: XdsRule
  readonly code: Violation['code'] | Denial['code'] | 'NOT_FOUND'
  readonly message: string
  readonly identity?: Identity
}

/** Who a first request is from, if that one may be served at a time; `pass` is absent where nothing is asked for. */
export function receive(node: object | undefined, pass: Pass | undefined, now: number): Identity | Refusal {
  const identity = identify(node)
  if ('code' in identity) return { rule: 'node', ...identity }
  const denied = pass && denial(pass, identity.gateway, now)
  if (denied === undefined) return identity
  return { rule: denied.code === 'PERMISSION_DENIED' ? 'gateway' : 'credentials', ...denied, identity }
}

export function unknownGateway(identity: Identity): Refusal {
  const message =
    `there is no gateway "${identity.gateway}": create it in weir, ` +
    'or correct node.metadata.gateway (else node.cluster) in the bootstrap'
  return { rule: 'unknown_gateway', code: 'NOT_FOUND', message, identity }
}

/** Tells of a refusal; who is not known to be an Envoy of ours is not shown beside those that are. */
export function tell(refusal: Refusal, peer: string, { fleet, observe }: { fleet: Fleet; observe: Observe }) {
  const { rule, code, message: reason, identity } = refusal
  const named = identity === undefined ? {} : { gateway: identity.gateway, node: identity.id }
  observe({ event: 'xds_refused', rule, ...named, peer, reason })
  if (identity !== undefined && code !== 'UNAUTHENTICATED') fleet.refuse(identity, peer, reason)
}
