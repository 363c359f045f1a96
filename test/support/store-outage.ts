import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { decidedAt, waitedInOutages } from './decision-log.ts'
import {
  clients,
  type LimitedFleet,
  limit,
  storeTimeoutMs,
  window,
  windowMs,
  windowNow,
} from './limited-fleet.ts'
import { until } from './until.ts'

const isLong = process.env.WEIR_LONG === '1'

/** A way in which a store fails. */
export interface Outage {
  name: string
  break(): Promise<unknown>
  /** Where it does not mend itself. */
  mend?(): Promise<unknown>
  /** Whether all replicas find it away; by default they do. */
  isFelt?: boolean
  /** Whether the store may forget what it admitted last. */
  forgets?: boolean
}

/** Between the clocks of this process, the replicas and the store, with what a line of a log comes late. */
const skewMs = 100

/** Edges that an outage lasts over, and windows afterwards that have to be exact. */
const [edges, exactWindows] = isLong ? [4, 5] : [1, 1]

/**
 * Breaks the store in a window whose limit is spent, and mends it after the next edge. Fails unless every request was
 * answered by 200 or 429, none waited for a store that was known to be away, no window had more than limits.md section 4
 * allows of it, and windows are exact again afterwards.
 */
export async function goThrough(t: TestContext, fleet: LimitedFleet, outage: Outage): Promise<void> {
  const { isFelt = true, forgets = false } = outage
  await until('the limit of the window is spent', () => counted(fleet, windowNow()).denied > 0)
  const failing = windowNow()
  await outage.break()
  if (isFelt) await fleet.allAt('away')
  await window(failing + edges, windowMs / 10)
  await outage.mend?.()
  await fleet.allAt('store')
  const back = windowNow()
  const last = await exactAgain(fleet, back + 1)
  for (const each of range(failing, last)) {
    const lost = forgets && each >= failing && each <= back ? limit : 0
    const { admitted } = counted(fleet, each)
    const bound = boundOf(fleet, each) + lost
    assert.ok(admitted <= bound, `window ${each - failing}: ${admitted} were admitted, of ${bound}`)
  }
  checkAnswers(fleet)
  if (isLong) t.diagnostic(waits(fleet, failing, back))
}

/** Fails unless each window from that one on is exact in which the store alone decides; answers with the last of them. */
async function exactAgain(fleet: LimitedFleet, from: number): Promise<number> {
  let exact = 0
  for (let each = from; each < from + 20; each++) {
    // Then all is known that was decided in it.
    await window(each + 1, storeTimeoutMs + 3 * skewMs)
    const { admitted, denied } = counted(fleet, each)
    if (denied === 0 || !isOfTheStore(fleet, each)) continue
    assert.equal(admitted, limit, `window ${each - from} after the recovery`)
    exact++
    if (exact === exactWindows) return each
  }
  throw new Error('the store does not stay')
}

/** Of the whole run: nobody was failed, and nobody waited for what was known to be away. */
function checkAnswers({ load, lines }: LimitedFleet): void {
  assert.deepEqual(
    load.asked.filter(({ status }) => status !== 200 && status !== 429),
    [],
  )
  for (const each of lines())
    for (const waited of waitedInOutages(each))
      assert.ok(waited <= clients, `${waited} waited for one outage`)
}

function counted({ load }: LimitedFleet, window: number): { admitted: number; denied: number } {
  const all = load.asked.filter((each) => each.window === window)
  const admitted = all.filter(({ status }) => status === 200).length
  return { admitted, denied: all.length - admitted }
}

/** Whether the store decided all of a window, and nothing that was given up before was counted in it. */
function isOfTheStore({ lines }: LimitedFleet, window: number): boolean {
  const from = window * windowMs - storeTimeoutMs - skewMs
  const to = (window + 1) * windowMs + storeTimeoutMs + skewMs
  return lines().every((each) =>
    each.every(
      (line) =>
        line.at < from || line.at > to || line.msg !== 'counter_store_decision' || isByTheStore(line.by),
    ),
  )
}

/** What it said of a key before is its word, too. */
function isByTheStore(by: string): boolean {
  return by === 'store' || by === 'hot_key'
}

/** The limit, and the share of each replica that decided alone in that window after the store had decided in it. */
function boundOf({ lines }: LimitedFleet, window: number): number {
  const from = window * windowMs - skewMs
  const to = (window + 1) * windowMs + skewMs
  const all = lines().map(decidedAt)
  const store = Math.min(...all.flatMap(({ store }) => store.filter((at) => at >= from && at <= to)))
  const alone = all.filter((each) => each.alone.some((at) => at >= from && at <= to && at >= store - skewMs))
  return limit + alone.length * Math.ceil(limit / all.length)
}

function waits({ load }: LimitedFleet, failing: number, back: number): string {
  const quantiles = (isMeant: (window: number) => boolean) => {
    const waits = load.asked
      .filter(({ window }) => isMeant(window))
      .map(({ sentAt, answeredAt }) => answeredAt - sentAt)
      .sort((one, other) => one - other)
    const at = (part: number) => waits[Math.min(waits.length - 1, Math.floor(part * waits.length))]
    return `p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms of ${waits.length}`
  }
  const broken = quantiles((each) => each >= failing && each <= back)
  const quiet = quantiles((each) => each > back)
  return `broken: ${broken}; quiet: ${quiet}`
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
}
