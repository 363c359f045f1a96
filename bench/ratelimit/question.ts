import { encode } from '../../src/envoy-api/protos.ts'
import type { Message } from '../../src/envoy-api/types.ts'
import { type BreakerDescriptor, breakerDomain, breakerEntries } from '../../src/model/breaker-descriptor.ts'
import type { Dialect } from './service.ts'

export const method = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit'

/** Digits of a key. */
export const digits = 7

export interface Question {
  /** A gRPC message (its length prefix included) in which every key is 0. */
  message: Buffer
  /** Where the digits of the key are. */
  keysAt: number[]
}

/** The breaker that is asked for, and the generation in which it is closed. */
export const asked = { cluster: 'shop', generation: 1_700_000_000_000_000 }

/** What Envoy asks for one request under that many policies, or about its breaker. */
export function question(dialect: Dialect, policies: number): Question {
  if (dialect === 'ask' || dialect === 'report') return { message: framed(aboutBreaker(dialect)), keysAt: [] }
  const mark = 'tenant-'
  const key = Buffer.from(mark + '0'.repeat(digits))
  const descriptors = Array.from({ length: policies }, (_, index) => ({
    entries:
      dialect === 'weir'
        ? [
            { key: 'policy', value: Buffer.from(`p${index}`) },
            { key: 'header:x-tenant', value: key },
          ]
        : [{ key: `p${index}`, value: key }],
  }))
  const message = framed({ domain: 'edge', descriptors })
  const keysAt: number[] = []
  for (let at = message.indexOf(key); at >= 0; at = message.indexOf(key, at + 1))
    keysAt.push(at + mark.length)
  return { message, keysAt }
}

function aboutBreaker(kind: BreakerDescriptor): Message {
  const { kind: first, cluster, timeout, generation, outcome } = breakerEntries
  const more =
    kind === 'ask' ? { [timeout]: '15000' } : { [generation]: String(asked.generation), [outcome]: 'ok' }
  const entries = Object.entries({ [first]: kind, [cluster]: asked.cluster, ...more })
  const descriptor = { entries: entries.map(([key, value]) => ({ key, value: Buffer.from(value) })) }
  return { domain: breakerDomain, descriptors: [descriptor] }
}

/** As gRPC sends a message: its length before it. */
function framed(request: Message): Buffer {
  const body = encode('envoy.service.ratelimit.v3.RateLimitRequest', request)
  const message = Buffer.alloc(5 + body.length)
  message.writeUInt32BE(body.length, 1)
  message.set(body, 5)
  return message
}
