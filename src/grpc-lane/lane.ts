import type { TlsOptions } from 'node:tls'
import type { Observe } from '../observe.ts'
import type { Bounds, Rule } from './bounds.ts'
import type { Method } from './method.ts'

export interface LaneOptions {
  /** By path: `/package.Service/Method`. */
  methods: ReadonlyMap<string, Method>
  /** Served with TLS, where ALPN must say `h2`; with `requestCert` and `ca` it is mTLS. Absent: plaintext by prior knowledge. */
  tls?: TlsOptions
  /** Numbers other than those of `bounds.ts`. */
  bounds?: Partial<Bounds>
  observe: Observe
}

/** What was seen since the start; read it at any time. */
export interface Counts {
  /** Open now. */
  connections: number
  streams: number
  /** Since the start. */
  accepted: number
  frames: number
  calls: number
  resets: number
  /** Calls that were reset, or whose connection went, before a method was asked. */
  dropped: number
  /** Connections cut off and streams refused, by the rule that did it. */
  rules: Partial<Record<Rule, number>>
}

/** An HTTP/2 server (RFC 9113) for unary gRPC calls over plaintext or TLS. It knows nothing of what its methods do. */
export interface Lane {
  /** Binds `host:port`; port 0 lets the kernel choose. */
  listen(address: string): Promise<{ address: string; port: number }>
  /** Stops accepting, tells peers (GOAWAY), lets calls under way finish for at most `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>
  readonly counts: Readonly<Counts>
}
