import { encode } from '../../src/envoy-api/protos.ts'
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

/** What Envoy asks for one request under that many policies. */
export function question(dialect: Dialect, policies: number): Question {
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
  const body = encode('envoy.service.ratelimit.v3.RateLimitRequest', { domain: 'edge', descriptors })
  const message = Buffer.alloc(5 + body.length)
  message.writeUInt32BE(body.length, 1)
  message.set(body, 5)
  const keysAt: number[] = []
  for (let at = message.indexOf(key); at >= 0; at = message.indexOf(key, at + 1))
    keysAt.push(at + mark.length)
  return { message, keysAt }
}
