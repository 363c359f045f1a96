import { compile } from '../../src/compile/compile.ts'
import { struct } from '../../src/envoy-api/build.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { type BreakerDescriptor, breakerDomain, breakerMetadata } from '../../src/model/breaker-descriptor.ts'
import { createTransport } from '../../src/ratelimit/transports/create-transport.ts'
import type { RateLimitRequest, RateLimitResponse } from '../../src/ratelimit/transports/messages.ts'
import { inClear } from '../../src/secrets/in-clear.ts'
import { createXdsServer } from '../../src/xds/server.ts'
import { startTestEnvoy, type TestEnvoy } from './envoy.ts'
import { type Received, type Sent, send } from './http.ts'
import { testLive } from './live.ts'
import { freePort } from './ports.ts'
import { stateOf } from './state-of.ts'
import { until } from './until.ts'

/** A descriptor that Envoy sent about a breaker, entry by entry; `hits` is its `hits_addend`. */
export type Said = { breaker: BreakerDescriptor; hits?: number } & Record<string, unknown>

/** What the service answers to an ask; `unknown` is a cluster that has no breaker any more. */
export type Script = 'admit' | 'refuse' | 'fallback' | 'unknown'

/**
 * An Envoy of a gateway `edge` whose service about breakers does what a test says and remembers what it was sent, so that
 * what Envoy says is looked at without anything that decides.
 */
export interface ScriptedBreaker {
  readonly envoy: TestEnvoy
  readonly port: number
  readonly said: Said[]
  /** By cluster; `admit` where nothing is said. */
  readonly script: Map<string, Script>
  /** Forgets what was said, and what is yet to come of requests that were let through. */
  forget(): void
  /** Holds the answers to asks back until what it gives is called. */
  hold(): () => void
  /** Everything said of that kind, once there are so many. */
  saidOf(kind: BreakerDescriptor, count: number): Promise<Said[]>
  publish(...documents: object[]): Promise<void>
  send(sent: Sent | string): Promise<Received>
  stop(): Promise<void>
}

export async function startScriptedBreaker(
  documents: (port: number) => object[],
  more: Record<string, unknown> = {},
): Promise<ScriptedBreaker> {
  await using started = new AsyncDisposableStack()
  const said: Said[] = []
  const script = new Map<string, Script>()
  let held: Promise<void> | undefined
  let generation = 0
  let forgotten = 0
  const decide = async (request: RateLimitRequest): Promise<RateLimitResponse> => {
    const all = (request.descriptors ?? []).map(plain)
    if (request.domain !== breakerDomain) return answer('OK')
    said.push(...all.filter(({ gen }) => gen === undefined || Number(gen) > forgotten))
    const asked = all.find(({ breaker }) => breaker === 'ask')
    if (asked === undefined) return answer('OK')
    await held
    return scripted(String(asked.destination_cluster), script, String(++generation))
  }
  const service = createTransport('grpc-js', { decide, serving: () => true, observe: () => undefined })
  const { port: servicePort } = await service.listen('127.0.0.1:0')
  started.defer(() => service.close(100))
  const xds = createXdsServer({ observe: () => undefined })
  const live = testLive({ services: { ratelimit: [{ host: '127.0.0.1', port: servicePort }] } })
  let revision = 0
  const publish = async (...documents: object[]) => {
    const state = stateOf(documents)
    if (state === undefined) throw new Error('the documents are refused')
    const { resources } = compile({ ...state, revision: ++revision }, 'edge', live)
    xds.publish({ gateway: 'edge', revision, resources: encodeResources(resources, inClear) })
  }
  const port = await freePort()
  await publish(...documents(port))
  const { port: xdsPort } = await xds.listen('127.0.0.1:0')
  started.defer(() => xds.close(100))
  const envoy = await startTestEnvoy({ gateway: 'edge', xdsPort, id: 'edge-1', bootstrap: more })
  started.defer(envoy.stop)
  await until('the listener accepts', () =>
    send(port, { path: '/none' }).then(
      () => true,
      () => false,
    ),
  )
  const running = started.move()
  return {
    ...{ envoy, port, said, script },
    forget() {
      said.length = 0
      forgotten = generation
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return () => {
        held = undefined
        resolve()
      }
    },
    async saidOf(kind, count) {
      const those = () => said.filter(({ breaker }) => breaker === kind)
      await until(`${count} of ${kind}`, async () => those().length >= count)
      return those()
    },
    async publish(...documents) {
      await publish(...documents)
      const question = { revision, gateways: ['edge'], expected: [{ gateway: 'edge', id: envoy.id }] }
      const delivery = await xds.fleet.whenDelivered(question, { timeoutMs: 20_000 })
      if (delivery.state !== 'acked') throw new Error(JSON.stringify(delivery))
    },
    send: (sent) => send(port, typeof sent === 'string' ? { path: sent } : sent),
    stop: () => running.disposeAsync(),
  }
}

function plain({ entries = [], hits_addend }: NonNullable<RateLimitRequest['descriptors']>[number]): Said {
  const found = Object.fromEntries(entries.map(({ key, value }) => [key, String(value)]))
  return { ...found, ...(hits_addend?.value !== undefined && { hits: hits_addend.value }) } as Said
}

function scripted(
  cluster: string,
  script: ReadonlyMap<string, Script>,
  generation: string,
): RateLimitResponse {
  const { generation: gen, fallback, problem } = breakerMetadata
  switch (script.get(cluster) ?? 'admit') {
    case 'admit':
      return answer('OK', { [gen]: generation })
    case 'unknown':
      return answer('OK')
    case 'fallback':
      return answer('OK', { [fallback]: cluster })
    case 'refuse':
      return {
        ...answer('OVER_LIMIT', { [problem]: '503' }),
        response_headers_to_add: [{ key: 'retry-after', value: '7' }],
      }
  }
}

function answer(overall_code: RateLimitResponse['overall_code'], metadata?: object): RateLimitResponse {
  return {
    ...{ overall_code, statuses: [], response_headers_to_add: [] },
    ...(metadata !== undefined && { dynamic_metadata: struct(metadata) }),
  }
}
