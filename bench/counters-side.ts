/** A part of `bench:counters`, in a process of its own: measures one kind of store and prints what it saw as JSON. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { type BoundRule, bindRule } from '../src/ratelimit/algorithms/bound-rule.ts'
import type { CounterId } from '../src/ratelimit/identity/counter-id.ts'
import type { Hit } from '../src/ratelimit/stores/counter-store.ts'
import { createMemoryStore, type MemoryStore } from '../src/ratelimit/stores/memory/memory-store.ts'
import { restoreSnapshot, writeSnapshot } from '../src/ratelimit/stores/memory/snapshot.ts'
import { createMapStore } from './map-store.ts'
import { longestCollection, type Paced, paced, record, type Times, times } from './pauses.ts'

const { values } = parseArgs({
  options: {
    side: { type: 'string' },
    part: { type: 'string' },
    keys: { type: 'string' },
    flood: { type: 'string' },
  },
})
const [keys, flood] = [Number(values.keys), Number(values.flood)]
const hour = 3_600_000
/** The start of an hour. The clock stands here, and in the flood a microsecond passes with each request. */
let now = 1_800_000_000_000_000

export interface Live {
  /** Resident, over those before. */
  megabytes: number
  begin: Times
  hits: Times
  filling: Paced
  snapshot?: { counters: number; bytes: number; write: number; restore: number; more: number }
}

export interface Flooded {
  asked: number
  admitted: number
  /** Resident at the start, in the middle and at the end. */
  megabytes: number[]
  size: number
  parts: Paced[]
}

interface Side {
  take(hit: Hit): boolean
  size(): number
  store?: MemoryStore
}

function createSide(): Side {
  const options = { clock: () => now, maxCounters: keys }
  if (values.side === 'map') {
    const store = createMapStore(options)
    return { take: (hit) => store.take(hit).admitted, size: store.size }
  }
  const store = createMemoryStore(options)
  return { take: (hit) => store.take([hit]).admitted, size: store.size, store }
}

/** Bits as chance would have them, the same for the same number (the finalizer of MurmurHash3). */
function mixed(number: number): number {
  let bits = number | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}

function idOf(number: number): CounterId {
  const [a, b] = [mixed(number), mixed(number + 0x3c6ef372)]
  return { a, b, c: number, d: Math.imul(a, b) }
}

function hitOn(number: number, policy: string, rule: BoundRule): Hit {
  const overflow = policy === 'quick' ? overflows.quick : overflows.slow
  return { counter: idOf(number), overflow, policy, rule, cost: 1, enforced: true }
}
const overflows = { slow: { a: 1, b: 1, c: -1, d: 1 }, quick: { a: 2, b: 2, c: -2, d: 2 } }

/** Resident memory in MB, of what is in use. */
function resident(): number {
  globalThis.gc!()
  return process.memoryUsage().rss / 1e6
}

/** As many live counters as the store is for, a quarter of each algorithm; then hits on them, as chance has it. */
async function live(): Promise<Live> {
  const side = createSide()
  const rules: BoundRule[] = [
    { algorithm: 'fixed_window' as const, limit: 100, windowMs: hour },
    { algorithm: 'sliding_window' as const, limit: 100, windowMs: hour },
    { algorithm: 'token_bucket' as const, capacity: 100, refill: { tokens: 100, everyMs: hour } },
    { algorithm: 'leaky_bucket' as const, queue: 100, rate: { requests: 100, everyMs: hour } },
  ].map((numbers) => bindRule(numbers))
  const hit = (key: number) => hitOn(key, `p${key % 4}`, rules[key % 4]!)
  const [begin, hits] = [createHistogram(), createHistogram()]
  const timed = (histogram: RecordableHistogram, key: number) => {
    const asked = hit(key)
    const from = performance.now()
    assert.ok(side.take(asked))
    record(histogram, performance.now() - from)
  }
  const before = resident()
  const filling = await paced(keys, (key) => timed(begin, key))
  assert.equal(side.size(), keys)
  const megabytes = resident() - before
  await paced(keys, (index) => timed(hits, (index * 7_919) % keys))
  return { megabytes, begin: times(begin), hits: times(hits), filling, ...snapshot(side) }
}

/** What a restart costs; milliseconds. */
function snapshot({ store }: Side): Pick<Live, 'snapshot'> {
  if (store === undefined) return {}
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const options = { path: join(folder, 'counters'), now, key: 'bench', maxAgeMs: hour }
  const before = process.memoryUsage().rss
  const from = performance.now()
  const { counters, bytes } = writeSnapshot({ ...options, counters: store.counters })
  const written = performance.now()
  const more = (process.memoryUsage().rss - before) / 1e6
  const next = createMemoryStore({ clock: () => now, maxCounters: keys })
  const read = performance.now()
  const restored = restoreSnapshot({ ...options, counters: next.counters })
  const end = performance.now()
  rmSync(folder, { recursive: true })
  assert.deepEqual(restored, { result: 'restored', counters, expired: 0, refused: 0 })
  return { snapshot: { counters, bytes, write: written - from, restore: end - read, more } }
}

/**
 * Random keys at a full store. Of two policies, so that one fills the store and the other's counters come and go within
 * a second; each has honest keys, whose every answer is held to a count in a plain Map.
 */
async function flooded(): Promise<Flooded> {
  const side = createSide()
  const slow = { limit: 100, rule: bindRule({ algorithm: 'fixed_window', limit: 100, windowMs: hour }) }
  const quick = { limit: 20, rule: bindRule({ algorithm: 'fixed_window', limit: 20, windowMs: 1_000 }) }
  const counts = new Map<number, { window: number; count: number }>()
  const honest = 1_000
  const seen = { asked: 0, admitted: 0 }
  function ask(key: number): void {
    const isQuick = key % 2 === 1
    const { limit, rule } = isQuick ? quick : slow
    const window = isQuick ? Math.floor(now / 1_000_000) : 0
    const kept = counts.get(key)
    const count = kept?.window === window ? kept.count : 0
    const admitted = side.take(hitOn(key, isQuick ? 'quick' : 'slow', rule))
    assert.equal(admitted, count < limit, `key ${key} had ${count} of ${limit}`)
    counts.set(key, { window, count: count + Number(admitted) })
    seen.asked++
    seen.admitted += Number(admitted)
  }
  for (let key = 0; key < honest; key++) ask(key)
  const megabytes = [resident()]
  const parts: Paced[] = []
  for (let part = 0; part < 2; part++) {
    const paces = await paced(flood / 2, (index) => {
      now++
      const number = honest + part * (flood / 2) + index
      if (index % 20 === 0) ask((mixed(number) >>> 0) % honest)
      else if (index % 4 === 1) side.take(hitOn(number, 'quick', quick.rule))
      else side.take(hitOn(number, 'slow', slow.rule))
    })
    parts.push(paces)
    megabytes.push(resident())
  }
  return { ...seen, megabytes, size: side.size(), parts }
}

const measured = values.part === 'live' ? await live() : await flooded()
process.stdout.write(`${JSON.stringify({ ...measured, longestCollection: await longestCollection() })}\n`)
