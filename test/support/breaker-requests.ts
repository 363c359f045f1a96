import type { Breakers } from '../../src/breaker/breakers.ts'
import type { BreakerRule } from '../../src/model/breaker-rule.ts'
import type { RateLimitRequest, RateLimitResponse } from '../../src/ratelimit/transports/messages.ts'

export const shop: BreakerRule = {
  ...{ cluster: 'shop', policy: 'strict', errorRate: 50, window: 10 },
  ...{ open: 30_000_000, probes: 1, fallback: false },
}

export function request(...descriptors: Record<string, string>[]): RateLimitRequest {
  return {
    domain: 'weir/breaker',
    descriptors: descriptors.map((values) => ({
      entries: Object.entries(values).map(([key, value]) => ({ key, value })),
    })),
  }
}

export function askOf(cluster = 'shop', timeout = '1000', fallback?: 'yes'): RateLimitRequest {
  const values = { breaker: 'ask', destination_cluster: cluster, timeout }
  return request({ ...values, ...(fallback !== undefined && { fallback }) })
}

/** What an answer says: the admission, `''` for none, or what a refused client is told. */
export interface Said {
  gen?: string
  fallback?: string
  retryAfter?: number
}

export function saidBy({ overall_code, response_headers_to_add, dynamic_metadata }: RateLimitResponse): Said {
  const fields = (dynamic_metadata?.fields ?? {}) as Record<string, { stringValue: string }>
  if (overall_code === 'OVER_LIMIT') {
    const header = response_headers_to_add.find(({ key }) => key === 'Retry-After')
    return { retryAfter: Number(header?.value) }
  }
  return Object.fromEntries(Object.entries(fields).map(([key, { stringValue }]) => [key, stringValue]))
}

/** Clients of one replica's breakers. */
export function clientsOf({ decide }: Pick<Breakers, 'decide'>) {
  const ask = async (cluster?: string, timeout?: string) => saidBy(await decide(askOf(cluster, timeout)))
  /** `milliseconds` as Envoy tells them, where time matters. */
  const report = async (gen: string, outcome: string, milliseconds?: number) => {
    const values = { destination_cluster: 'shop', gen, outcome }
    const kinds = ['report', ...(milliseconds === undefined ? [] : ['duration'])]
    const told = request(...kinds.map((breaker) => ({ breaker, ...values })))
    if (milliseconds !== undefined) told.descriptors![1]!.hits_addend = { value: milliseconds }
    return saidBy(await decide(told))
  }
  return {
    ask,
    report,
    /** So many requests that are all admitted, and end so. */
    async requests(count: number, outcome: string): Promise<void> {
      for (let index = 0; index < count; index++) await report((await ask()).gen!, outcome)
    },
  }
}
