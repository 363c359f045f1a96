import type { AdminOptions, DeliverQuestion } from '../../src/admin/context.ts'
import { createAdmin } from '../../src/admin/server.ts'
import { createEventLog } from '../../src/control/event-log.ts'
import { explain } from '../../src/explain/explain.ts'
import type { Receipt } from '../../src/model/receipt.ts'
import type { Event } from '../../src/observe.ts'
import { kinds } from '../../src/policies/index.ts'
import type { Secrets } from '../../src/secrets/secrets.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { freshDatabase } from './postgres.ts'
import { testSecrets } from './secrets.ts'

export const token = 'test-token'

export interface TestAdmin {
  url: string
  port: number
  databaseUrl: string
  store: Store
  events: Event[]
  /** A request with the token; a string body is YAML, anything else JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  revision(): Promise<number>
  close(graceMs?: number): Promise<void>
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests find out.
  body: any
}

/** An admin API on a port of its own, with a database of its own. */
export async function startAdmin(
  overrides: Partial<AdminOptions> & { databaseUrl?: string; secrets?: Secrets } = {},
): Promise<TestAdmin> {
  const database =
    overrides.databaseUrl === undefined
      ? await freshDatabase()
      : { url: overrides.databaseUrl, drop: async () => undefined }
  const events: Event[] = []
  const observe = (event: Event) => void events.push(event)
  const pool = createPool(database.url, observe)
  const store = createStore({ pool, kinds, secrets: overrides.secrets ?? testSecrets(), observe })
  await store.unlockSecrets()
  const admin = createAdmin({
    store,
    kinds,
    checkContext: { supervised: true, listenerAddress: '127.0.0.1' },
    token,
    observe,
    version: '0.0.0-test',
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'weir_up 1\n' }),
    fleet: () => [],
    config: () => undefined,
    health: nothingKnown,
    panic: async () => undefined,
    connections: async () => undefined,
    reductions: () => [],
    drift: async () => undefined,
    deliver: nobodyConnected,
    rollouts: { views: () => [], act: () => Promise.reject(new Error('there are no rollouts')) },
    heldBack: () => [],
    events: createEventLog(),
    preview: () => [],
    explain: async (question) =>
      explain(await store.current(), question, () => ({ admitted: true, verdicts: [] })),
    counters: () => ({ store: 'memory' }),
    limits: noCounters,
    breakers: {
      list: async () => [],
      notClosed: async () => [],
      find: async () => undefined,
      set: async () => undefined,
      warnings: () => [],
    },
    decides: true,
    readiness: () => ({ ready: true, stopping: false, detail: { database: 'ok' } }),
    ...overrides,
  })
  const { port } = await admin.listen('127.0.0.1:0')
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    port,
    databaseUrl: database.url,
    store,
    events,
    call: (method, path, body, headers) => call(`${url}${path}`, method, body, headers),
    revision: async () => (await store.current()).revision,
    async close(graceMs = 0) {
      await admin.close(graceMs)
      await pool.end()
      await database.drop()
    },
  }
}

const noCounters = {
  busyKeys: () => undefined,
  peek: () => undefined,
  reset: () => undefined,
  grant: () => undefined,
}

export async function nobodyConnected(_question: DeliverQuestion): Promise<Receipt> {
  return { state: 'none', envoys: [], replicas: [] }
}

async function call(
  url: string,
  method: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const payload =
    body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  const type = payload === body ? 'application/yaml' : 'application/json'
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(payload === undefined ? {} : { 'content-type': type }),
      ...headers,
    },
    ...(payload === undefined ? {} : { body: payload as string | Uint8Array<ArrayBuffer> }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : text }
}

/** A small valid configuration: a gateway, a cluster, a limit and a route. */
export const sample = `
kind: Gateway
name: edge
spec: { listeners: [{ name: http, port: 10000, protocol: http }] }
---
kind: Cluster
name: echo
labels: { team: checkout, a: "1" }
spec: { endpoints: [{ address: 127.0.0.1, port: 9001 }], connectTimeout: 1s }
---
kind: RateLimitPolicy
name: per-key
spec: { algorithm: fixed_window, limit: 5, window: 1m, key: [{ header: x-api-key }] }
---
kind: Route
name: echo
owner: team-checkout
spec:
  gateways: [edge]
  match: { path: { prefix: / } }
  forward: [{ cluster: echo }]
  rateLimits: [per-key]
`

const at = '2026-01-01T00:00:00.000Z'
const nothingKnown: AdminOptions['health'] = {
  cluster: async (cluster) => ({ cluster, at, state: 'unknown', why: 'there are no Envoys', envoys: [] }),
  ailments: async () => ({ at, ailments: [], more: 0, silent: [] }),
}
