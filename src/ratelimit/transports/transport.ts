import type { RateLimitRequest, RateLimitResponse } from './messages.ts'

/** Decides one request; what it throws becomes a gRPC status. */
export type Decide = (request: RateLimitRequest) => RateLimitResponse | Promise<RateLimitResponse>

/** Carries ShouldRateLimit over the network. Every implementation passes the same contract suite. */
export interface Transport {
  /** Binds `host:port`; port 0 lets the kernel choose. */
  listen(address: string): Promise<{ address: string; port: number }>
  /** Stops accepting, lets calls under way finish for at most `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>
}
