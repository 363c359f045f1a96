/** What reading a request and writing an answer cost, beside protobufjs in the same run: `npm run bench:codec`. */

import { struct } from '../src/envoy-api/build.ts'
import { decode, encode } from '../src/envoy-api/protos.ts'
import { decodeRateLimitRequest } from '../src/ratelimit/transports/codec/request.ts'
import { encodeRateLimitResponse } from '../src/ratelimit/transports/codec/response.ts'
import type { RateLimitResponse } from '../src/ratelimit/transports/messages.ts'

const [requestType, responseType] = ['RateLimitRequest', 'RateLimitResponse'].map(
  (name) => `envoy.service.ratelimit.v3.${name}`,
) as [string, string]
const rounds = 5
const perRound = 200_000

/** Nanoseconds a call, the fastest of some rounds. */
function cost(work: (index: number) => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const started = process.hrtime.bigint()
    for (let index = 0; index < perRound; index++) kept = work(index)
    best = Math.min(best, Number(process.hrtime.bigint() - started) / perRound)
  }
  return best
}
let kept: unknown

function requests(policies: number): Buffer[] {
  return Array.from({ length: 1_000 }, (_, key) =>
    encode(requestType, {
      domain: 'edge',
      descriptors: Array.from({ length: policies }, (_each, index) => ({
        entries: [
          { key: 'policy', value: Buffer.from(`p${index}`) },
          { key: 'header:x-tenant', value: Buffer.from(`tenant-${key}`) },
        ],
      })),
    }),
  )
}

function admitted(policies: number): RateLimitResponse {
  const each = (item: (index: number) => string) =>
    Array.from({ length: policies }, (_, index) => item(index)).join(', ')
  return {
    overall_code: 'OK',
    statuses: Array.from({ length: policies }, () => ({
      code: 'OK',
      limit_remaining: 999_321,
      duration_until_reset: { seconds: 3_120, nanos: 123_456_000 },
    })),
    response_headers_to_add: [
      { key: 'RateLimit-Policy', value: each((index) => `"p${index}";q=1000000;w=3600`) },
      { key: 'RateLimit', value: each((index) => `"p${index}";r=999321;t=3121`) },
    ],
  }
}

function refused(): RateLimitResponse {
  const { statuses, response_headers_to_add } = admitted(1)
  return {
    overall_code: 'OVER_LIMIT',
    statuses,
    response_headers_to_add: [...response_headers_to_add, { key: 'Retry-After', value: '17' }],
    dynamic_metadata: struct({ status: '429', policy: 'p0', plan: '', limit: 1_000_000, problem: '429' }),
  }
}

function row(name: string, own: number, protobufjs: number): void {
  process.stdout.write(
    `| ${name} | ${own.toFixed(0)} | ${protobufjs.toFixed(0)} | ${(protobufjs / own).toFixed(1)} |\n`,
  )
}

process.stdout.write('| | codec, ns | protobufjs, ns | times |\n| --- | --- | --- | --- |\n')
for (const policies of [1, 4]) {
  const messages = requests(policies)
  const at = (index: number) => messages[index % messages.length]!
  row(
    `request of ${policies}`,
    cost((index) => decodeRateLimitRequest(at(index))),
    cost((index) => decode(requestType, at(index))),
  )
}
for (const [name, answer] of [
  ['admitted by 1', admitted(1)],
  ['admitted by 4', admitted(4)],
  ['refused', refused()],
] as const) {
  row(
    name,
    cost(() => encodeRateLimitResponse(answer)),
    cost(() => encode(responseType, { ...answer })),
  )
}
if (kept === undefined) process.exitCode = 1
