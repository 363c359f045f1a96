import type { TlsOptions } from 'node:tls'
import type { Observe } from '../observe.ts'
import { type Bounds, defaultBounds } from './bounds.ts'
import type { Method } from './method.ts'
import { type Counts, createShared } from './shared.ts'
import { createSockets } from './sockets.ts'

export interface LaneOptions {
  /** By path: `/package.Service/Method`. */
  methods: ReadonlyMap<string, Method>
  /** Served with TLS, where ALPN must say `h2`; with `requestCert` and `ca` it is mTLS. Absent: plaintext by prior knowledge. */
  tls?: TlsOptions
  /** Numbers other than those of `bounds.ts`. */
  bounds?: Partial<Bounds>
  observe: Observe
}

/** An HTTP/2 server (RFC 9113) for unary gRPC calls over plaintext or TLS. It knows nothing of what its methods do. */
export interface Lane {
  /** Binds `host:port`; port 0 lets the kernel choose. */
  listen(address: string): Promise<{ address: string; port: number }>
  /** Stops accepting, tells peers (GOAWAY), lets calls under way finish for at most `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>
  readonly counts: Readonly<Counts>
}

export function createLane(options: LaneOptions): Lane {
  const { methods, tls, observe } = options
  const shared = createShared(methods, { ...defaultBounds, ...options.bounds }, observe)
  const sockets = createSockets(shared, tls)
  return { ...sockets, counts: shared.counts }
}
