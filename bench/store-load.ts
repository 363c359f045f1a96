/** A part of `bench:store`: asks a rate-limit service as Envoy does, in a process of its own, and prints what it saw as JSON. */

import { parseArgs } from 'node:util'
import { Client, credentials } from '@grpc/grpc-js'
import { service } from '../src/envoy-api/protos.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    requests: { type: 'string' },
    policies: { type: 'string' },
    keys: { type: 'string' },
    inFlight: { type: 'string' },
    /** Whose descriptors: weir's name the policy, those of envoyproxy/ratelimit are the configuration's keys. */
    dialect: { type: 'string' },
  },
})

export interface Asked {
  perSecond: number
  p50: number
  p99: number
  overLimit: number
}

const [requests, policies, keys] = [Number(values.requests), Number(values.policies), Number(values.keys)]
const method = service('envoy.service.ratelimit.v3.RateLimitService').ShouldRateLimit!
// Two connections, as two workers of an Envoy have.
const clients = [0, 1].map(
  (index) => new Client(`127.0.0.1:${values.port}`, credentials.createInsecure(), { 'bench.index': index }),
)

function descriptorsOf(key: number) {
  return Array.from({ length: policies }, (_, index) => ({
    entries:
      values.dialect === 'weir'
        ? [
            { key: 'policy', value: Buffer.from(`p${index}`) },
            { key: 'header:x-tenant', value: Buffer.from(`tenant-${key}`) },
          ]
        : [{ key: `p${index}`, value: Buffer.from(`tenant-${key}`) }],
  }))
}

const times: number[] = []
let sent = 0
let overLimit = 0

function ask(client: Client): Promise<void> {
  const started = performance.now()
  const request = { domain: 'edge', descriptors: descriptorsOf(Math.floor(Math.random() * keys)) }
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      (error, answer) => {
        if (error !== null) return reject(error)
        if ((answer as { overall_code: string }).overall_code === 'OVER_LIMIT') overLimit++
        times.push(performance.now() - started)
        resolve()
      },
    )
  })
}

async function lane(client: Client): Promise<void> {
  while (sent++ < requests) await ask(client)
}

const started = performance.now()
const lanes = Array.from({ length: Number(values.inFlight) }, (_, index) => lane(clients[index % 2]!))
await Promise.all(lanes)
const seconds = (performance.now() - started) / 1_000
times.sort((one, other) => one - other)
const asked: Asked = {
  perSecond: times.length / seconds,
  p50: times[Math.floor(times.length * 0.5)]!,
  p99: times[Math.floor(times.length * 0.99)]!,
  overLimit,
}
process.stdout.write(JSON.stringify(asked))
for (const client of clients) client.close()
