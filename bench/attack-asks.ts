import { service } from '../src/envoy-api/protos.ts'
import { requestFrames } from '../test/support/http2-frames.ts'
import type { StreamAnswer } from './streams.ts'

/** Through Envoy, or at the rate-limit service itself. */
export type Door = 'envoy' | 'grpc'

/**
 * Who asks: the `attacker` with one key, `honest` clients with keys of their own, and those that have no limit: `free`
 * requests to the same upstream, or through gRPC health checks, and `local` ones that Envoy answers itself.
 */
export type Who = 'attacker' | 'honest' | 'free' | 'local'

export type Answered = 'passed' | 'refused' | 'other'

/** Keys of honest clients. */
export const honestKeys = 100
export const policy = 'tenants'

interface Asks {
  /** The frames of requests, to be sent in turns. */
  asks: Buffer[][]
  answerOf(answer: StreamAnswer): Answered
}

export function asksOf(door: Door, who: Who): Asks {
  const keys =
    who === 'honest' ? Array.from({ length: honestKeys }, (_, index) => `honest-${index}`) : ['attacker']
  if (door === 'envoy') return { asks: keys.map((key) => httpAsk(who, key)), answerOf: byStatus }
  if (who === 'free') return { asks: [grpcAsk('grpc.health.v1.Health', 'Check', {})], answerOf: byBody }
  return {
    asks: keys.map((key) =>
      grpcAsk('envoy.service.ratelimit.v3.RateLimitService', 'ShouldRateLimit', questionOf(key)),
    ),
    answerOf: byBody,
  }
}

function httpAsk(who: Who, key: string): Buffer[] {
  const prefix = who === 'free' || who === 'local' ? who : policy
  return requestFrames([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', `/${prefix}?${key}`],
    [':authority', 'bench.example'],
    ['x-tenant', key],
  ])
}

function questionOf(key: string): object {
  const entries = [
    { key: 'policy', value: Buffer.from(policy) },
    { key: 'header:x-tenant', value: Buffer.from(key) },
  ]
  return { domain: 'edge', descriptors: [{ entries }] }
}

function grpcAsk(of: string, name: string, message: object): Buffer[] {
  const { path, requestSerialize } = service(of)[name]!
  const bytes = requestSerialize(message)
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  const fields = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'bench.example'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ] as const
  return requestFrames(fields, Buffer.concat([prefix, bytes]))
}

/** `:status` is first of a block (RFC 9113, section 8.3): 200 by its index, 429 as a literal, as is or by Huffman's code. */
function byStatus({ block }: StreamAnswer): Answered {
  // An encoder begins by saying that its table is empty (RFC 7541, section 6.3).
  let at = 0
  while ((block[at]! & 0xe0) === 0x20) at++
  if (block[at] === 0x88) return 'passed'
  const text = block.toString('latin1', at + 1, at + 5)
  return text === '\x03429' || text === '\x83\x68\x4f\xff' ? 'refused' : 'other'
}

/** Both messages begin with an enum: 1 is OK and SERVING, 2 OVER_LIMIT. */
function byBody({ body }: StreamAnswer): Answered {
  if (body[5] !== 0x08) return 'other'
  return body[6] === 1 ? 'passed' : body[6] === 2 ? 'refused' : 'other'
}
