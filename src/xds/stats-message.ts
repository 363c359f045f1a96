import { WireReader } from './wire-reader.ts'

/** Requests that an Envoy answered to its clients since its last message, over all listeners of its gateway. */
export interface RequestFigures {
  readonly requests: number
  /** Of these, answered by 5xx. */
  readonly errors: number
  /** Requests by the bound of milliseconds that they did not exceed, each counted once. */
  readonly times: ReadonlyMap<number, number>
}

/** What is read of an `envoy.service.metrics.v3.StreamMetricsMessage`. */
export interface StatsMessage {
  /** An encoded `envoy.config.core.v3.Node`; in the first message of a stream alone. */
  readonly node: Buffer | undefined
  readonly figures: RequestFigures
}

/** Buckets of one histogram at most: Envoy has 20. */
const maxBuckets = 64

/**
 * Reads what a gate needs of the stats of an Envoy, and passes over all else unread: a gateway with 10,000 clusters has
 * a hundred of stats for each. They are as `bootstrap/` asks for them: counters by what was added, tags as labels.
 * The messages within are those of Prometheus (io.prometheus.client, `metrics.proto`). Throws `RangeError`.
 */
export function readStats(bytes: Buffer): StatsMessage {
  const reader = new WireReader(bytes)
  const sum = { requests: 0, errors: 0, times: new Map<number, number>() }
  let node: Buffer | undefined
  while (reader.next()) {
    if (reader.field === 1) node = nodeOf(reader.message())
    else if (reader.field === 2) addFamily(reader.message(), sum)
  }
  return { node, figures: sum }
}

type Sum = { requests: number; errors: number; times: Map<number, number> }

function nodeOf(identifier: WireReader): Buffer | undefined {
  while (identifier.next()) if (identifier.field === 1) return identifier.bytes()
  return undefined
}

/** A MetricFamily: its name comes first, as serializers write it. */
function addFamily(family: WireReader, sum: Sum): void {
  let name = ''
  while (family.next()) {
    if (family.field === 1) name = family.text()
    else if (family.field === 4) {
      if (name === 'http.downstream_rq_xx') addCounter(family.message(), sum)
      else if (name === 'http.downstream_rq_time') addTimes(family.message(), sum)
    }
    if (name !== '' && !name.startsWith('http.downstream_rq_')) return
  }
}

/** Of the connection managers that are not for clients. */
const others: readonly (string | undefined)[] = ['admin', 'weir_readiness']

interface Metric {
  readonly labels: ReadonlyMap<string, string>
  readonly counter: number
  readonly histogram: WireReader | undefined
}

function metricOf(reader: WireReader): Metric | undefined {
  const labels = new Map<string, string>()
  let counter = 0
  let histogram: WireReader | undefined
  while (reader.next()) {
    if (reader.field === 1) {
      const [name = '', value = ''] = pairOf(reader.message())
      labels.set(name, value)
    } else if (reader.field === 3) counter = counted(reader.message())
    else if (reader.field === 7) histogram = reader.message()
  }
  return others.includes(labels.get('envoy.http_conn_manager_prefix'))
    ? undefined
    : { labels, counter, histogram }
}

function pairOf(pair: WireReader): string[] {
  const texts: string[] = []
  while (pair.next()) texts[pair.field - 1] = pair.text()
  return texts
}

function counted(counter: WireReader): number {
  while (counter.next()) if (counter.field === 1) return positive(counter.double())
  return 0
}

function addCounter(reader: WireReader, sum: Sum): void {
  const metric = metricOf(reader)
  if (metric === undefined) return
  sum.requests += metric.counter
  if (metric.labels.get('envoy.response_code_class') === '5') sum.errors += metric.counter
}

function addTimes(reader: WireReader, sum: Sum): void {
  const histogram = metricOf(reader)?.histogram
  if (histogram === undefined) return
  let before = 0
  for (let buckets = 0; buckets < maxBuckets && histogram.next(); ) {
    if (histogram.field !== 3) continue
    buckets++
    const [count, bound] = bucketOf(histogram.message())
    if (count > before && sum.times.size < maxBuckets)
      sum.times.set(bound, (sum.times.get(bound) ?? 0) + count - before)
    before = Math.max(before, count)
  }
}

/** Cumulative count and upper bound. */
function bucketOf(bucket: WireReader): [number, number] {
  let [count, bound] = [0, 0]
  while (bucket.next()) {
    if (bucket.field === 1) count = bucket.integer()
    else if (bucket.field === 2) bound = positive(bucket.double())
  }
  return [count, bound]
}

/** What no counter of Envoy is would poison every sum. */
function positive(value: number): number {
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError('a count is no number')
  return value
}
