import { setTimeout as delay } from 'node:timers/promises'
import type { LimitsStand, Sent } from './limits-stand.ts'
import { quantile } from './quantile.ts'

/** What a rule promises, and what was seen. */
export interface Figure {
  what: string
  expected: string
  seen: string
  good: boolean
}

const key = [{ constant: 'all' }]
const limit = 100
const minute = 60_000

/** One policy for each of the four rules; their names are the prefixes of their routes. */
export const figurePolicies = {
  fixed: { algorithm: 'fixed_window', limit, window: '1m', key },
  sliding: { algorithm: 'sliding_window', limit, window: '1m', key },
  token: { algorithm: 'token_bucket', capacity: limit, refill: { tokens: limit, every: '1m' }, key },
  leaky: { algorithm: 'leaky_bucket', queue: limit, rate: { requests: 2, every: '1s' }, key },
}

/** The figures of all four rules; takes 50 s to 110 s. The policies must not have been used before. */
export async function limitFigures(stand: LimitsStand): Promise<Figure[]> {
  const figures = await Promise.all([windowFigures(stand), tokenFigures(stand), leakyFigures(stand)])
  return figures.flat()
}

const passed = (answers: readonly Sent[]) => answers.filter(({ status }) => status === 200).length

function exactly(what: string, expected: number, seen: number): Figure {
  return { what, expected: String(expected), seen: String(seen), good: expected === seen }
}

/** The clock goes on while requests are under way, so that what a formula gives may be one of a few numbers. */
function between(what: string, least: number, most: number, seen: number): Figure {
  const expected = least === most ? String(least) : `${least} to ${most}`
  return { what, expected, seen: String(seen), good: seen >= least && seen <= most }
}

/** Half a second before a minute is over, and so long that bursts on both sides of its end are within 2 s. */
async function beforeTheEdge(): Promise<number> {
  const now = Date.now()
  let edge = Math.ceil(now / minute) * minute
  // The slack is for what else begins at the same time.
  if (edge - now < 3_000) edge += minute
  await delay(edge - 700 - Date.now())
  return edge
}

async function windowFigures(stand: LimitsStand): Promise<Figure[]> {
  const [fixed, sliding] = await Promise.all([stand.connect(150), stand.connect(150)])
  const edge = await beforeTheEdge()
  const both = () => Promise.all([stand.burst(fixed, '/fixed'), stand.burst(sliding, '/sliding')])
  const started = Date.now()
  const [fixedBefore, slidingBefore] = await both()
  if (Date.now() >= edge) throw new Error('the burst before the edge came too late: is the machine busy?')
  await delay(edge + 100 - Date.now())
  const [fixedAfter, slidingAfter] = await both()
  const afterTheEdge = Date.now()
  await delay(edge + minute / 2 - Date.now())
  const askedAt = Date.now()
  const slidingLater = await stand.burst(sliding, '/sliding')
  const answeredAt = Date.now()
  const inForce = (at: number) => Math.floor((limit * (at - edge)) / minute)
  return [
    exactly('fixed: of 150 just before the end of a minute', limit, passed(fixedBefore)),
    exactly('fixed: of 150 just after it', limit, passed(fixedAfter)),
    between('fixed: milliseconds in which these 200 passed', 0, 2_000, afterTheEdge - started),
    exactly('sliding: of 150 just before the end of a minute', limit, passed(slidingBefore)),
    between('sliding: of 150 just after it', 0, inForce(afterTheEdge), passed(slidingAfter)),
    between(
      'sliding: passed by the middle of the next minute (100 x (60 - e) / 60 + n <= 100)',
      inForce(askedAt),
      inForce(answeredAt),
      passed(slidingAfter) + passed(slidingLater),
    ),
  ]
}

async function tokenFigures(stand: LimitsStand): Promise<Figure[]> {
  const connections = await stand.connect(150)
  const refilled = (milliseconds: number) => Math.floor((milliseconds * limit) / minute)
  const startedAt = performance.now()
  const burst = await stand.burst(connections, '/token')
  const burstAt = performance.now()
  await delay(30_000)
  const askedAt = performance.now()
  const later = await stand.burst(connections, '/token')
  const answeredAt = performance.now()
  const total = passed(burst) + passed(later)
  return [
    between('token: of 150 at a full bucket', limit, limit + refilled(burstAt - startedAt), passed(burst)),
    between(
      'token: of 150 half a minute later, with those 100 in all',
      limit + refilled(askedAt - burstAt),
      limit + refilled(answeredAt - startedAt),
      total,
    ),
  ]
}

async function leakyFigures(stand: LimitsStand): Promise<Figure[]> {
  const [queue, [next]] = await Promise.all([stand.connect(limit + 1), stand.connect(1)])
  const waiting = stand.burst(queue, '/leaky')
  // The queue is full once all have been counted, which nothing but the counter's own metric tells.
  while ((await stand.weir.metric('weir_ratelimit_decisions_total', { policy: 'leaky' })) <= limit)
    await delay(20)
  const [refused] = await stand.burst([next!], '/leaky')
  const answers = await waiting
  const times = stand.upstream.arrivals.filter(({ target }) => target === '/leaky').map(({ at }) => at)
  const gaps = times.slice(1).map((at, index) => at - times[index]!)
  const gapAt = (share: number) => Math.round(quantile(gaps, share))
  const first = Math.min(...answers.map(({ sentAt }) => sentAt))
  const longest = Math.max(...answers.map(({ answeredAt }) => answeredAt)) - first
  return [
    exactly('leaky: of 101 at an idle queue of 100 pass', limit + 1, passed(answers)),
    exactly('leaky: the next one is answered', 429, refused!.status),
    between('leaky: and that after milliseconds', 0, 500, Math.round(refused!.answeredAt - refused!.sentAt)),
    between(
      'leaky: milliseconds until the last of the queue is answered',
      50_000,
      50_500,
      Math.round(longest),
    ),
    between('leaky: gaps at the upstream, ms, all but the shortest 5%: at least', 425, 500, gapAt(0.05)),
    between('leaky: and all but the longest 5%: at most', 500, 575, gapAt(0.95)),
  ]
}
