import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { KeepAlive } from './keep-alive.ts'
import type { Figure } from './limit-figures.ts'
import { type LimitsStand, request } from './limits-stand.ts'
import { quantile } from './quantile.ts'
import type { SteadyLoadOptions } from './steady-load.ts'

const edits = 40
/** From one edit to the next, so that each meets requests that are decided by the one before. */
const everyMs = 250
const rate = 2_000
const connections = 32
const clients = 20
const policy = 'tenants'
/** Windows of a year, so that none ends meanwhile. */
const numbers = { algorithm: 'fixed_window', limit: 100_000_000, window: '8784h' }

/** What the edited tenant may do: in turns far less than it used, and more than it ever will. */
const limitOf = (edit: number) => (edit % 2 === 0 ? 1 : 100_000_000 + edit)

const spec = (limit: number) => ({
  ...numbers,
  key: [{ header: 'x-tenant' }],
  overrides: [{ match: { header: { 'x-tenant': 'tenant-0' } }, limit }],
})

export const overridePolicies = { [policy]: spec(numbers.limit) }

/** Edits of an override under load: when they are seen, what Envoy is sent, and whether every request was counted. */
export async function overrideFigures(stand: LimitsStand): Promise<Figure[]> {
  const [prober] = await stand.connect(1)
  const before = await counted(stand)
  const load = await startLoad(stand)
  const started = performance.now()
  const seen: number[] = []
  let probes = 0
  for (let edit = 0; edit < edits; edit++) {
    await delay(everyMs)
    const from = performance.now()
    const limit = limitOf(edit)
    const document = { kind: 'RateLimitPolicy', name: policy, spec: spec(limit) }
    const written = stand.weir.api('PUT', `/v1/rate-limit-policies/${policy}`, document)
    probes += await probe(prober!, `;q=${limit};`)
    seen.push(performance.now() - from)
    const { status } = await written
    if (status !== 200) throw new Error(`the edit answered ${status}`)
  }
  const seconds = (performance.now() - started) / 1_000
  const statuses = await load.stop()
  const after = await counted(stand)
  const sent = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  const delta = (name: keyof Counted) => after[name] - before[name]
  const same = (what: string, one: number, other: number): Figure => ({
    ...{ what, expected: String(one), seen: String(other), good: one === other },
  })
  const ms = (value: number) => `${value.toFixed(1)} ms`
  return [
    {
      what: `load meanwhile, requests a second (${statuses['429'] ?? 0} of ${sent} refused)`,
      expected: `at least ${rate * 0.9}`,
      seen: (sent / seconds).toFixed(0),
      good: sent / seconds >= rate * 0.9,
    },
    {
      what: `edit of an override, until the first answer by it, p50 of ${edits}`,
      ...{ expected: '< 100 ms', seen: ms(quantile(seen, 0.5)), good: quantile(seen, 0.5) < 100 },
    },
    {
      what: 'the same, worst',
      ...{ expected: '< 100 ms', seen: ms(Math.max(...seen)), good: Math.max(...seen) < 100 },
    },
    same('bytes that these edits sent to Envoy', 0, delta('bytes')),
    same('requests decided: those sent', sent + probes, delta('decided')),
    same('requests at the upstream: those admitted', delta('admitted'), delta('arrived')),
    same('the same: what is used of the counters', delta('used'), delta('arrived')),
  ]
}

interface Counted {
  bytes: number
  decided: number
  admitted: number
  arrived: number
  used: number
}

async function counted({ weir, upstream }: LimitsStand): Promise<Counted> {
  const decisions = (result: string) => weir.metric('weir_ratelimit_decisions_total', { policy, result })
  const [admitted, denied, bytes] = await Promise.all([
    decisions('admitted'),
    decisions('denied'),
    weir.metric('weir_xds_bytes_sent_total'),
  ])
  const { body } = await weir.api('GET', `/v1/rate-limit-policies/${policy}/keys?top=100`)
  const used = (body.items as { used: number }[]).reduce((sum, item) => sum + item.used, 0)
  const arrived = upstream.arrivals.filter(({ target }) => target === `/${policy}`).length
  return { bytes, decided: admitted + denied, admitted, arrived, used }
}

/** Asks as the edited tenant, one request after the other, until an answer holds the text; says how often it asked. */
async function probe(connection: KeepAlive, text: string): Promise<number> {
  const deadline = performance.now() + 10_000
  for (let probes = 1; performance.now() < deadline; probes++) {
    const { head } = await request(connection, `/${policy}`, { 'x-tenant': 'tenant-0' })
    if (head.includes(text)) return probes
  }
  throw new Error(`no answer ever held ${text}`)
}

/** In a thread of its own, so that it does not hold up what is measured here. */
async function startLoad({ port }: LimitsStand): Promise<{ stop(): Promise<Record<string, number>> }> {
  const requests = Array.from({ length: clients }, (_, index) => ({
    path: `/${policy}`,
    headers: { 'x-tenant': `tenant-${index}` },
  }))
  const workerData: SteadyLoadOptions = { port, rate, connections, requests }
  const worker = new Worker(new URL('./steady-load-worker.ts', import.meta.url), { workerData })
  await once(worker, 'message')
  return {
    async stop() {
      worker.postMessage('stop')
      const [statuses] = (await once(worker, 'message')) as [Record<string, number>]
      await worker.terminate()
      return statuses
    },
  }
}
