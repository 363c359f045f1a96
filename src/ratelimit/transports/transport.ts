import type { Observe } from '../../observe.ts'
import type { RateLimitRequest, RateLimitResponse } from './messages.ts'

/** Decides one request; what it throws becomes a gRPC status. */
export type Decide = (request: RateLimitRequest) => RateLimitResponse | Promise<RateLimitResponse>

/** By what the service is carried: `WEIR_RLS_TRANSPORT`. */
export const transportNames = ['grpc-js', 'lane'] as const
export type TransportName = (typeof transportNames)[number]

export interface TransportOptions {
  decide: Decide
  /** What the gRPC health check says: where Envoy has another replica, it asks none that does not want to be asked. */
  serving: () => boolean
  observe: Observe
}

/** Carries ShouldRateLimit over the network. Every implementation passes the same contract suite. */
export interface Transport {
  /** Binds `host:port`; port 0 lets the kernel choose. */
  listen(address: string): Promise<{ address: string; port: number }>
  /** Stops accepting, lets calls under way finish for at most `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>
}
