import { type ClusterStats, ClusterStatsReader } from './cluster-stats.ts'
import { WireReader } from './wire-reader.ts'

/** Requests that an Envoy answered to its clients since it last said so, over all listeners of its gateway. */
export interface RequestFigures {
  readonly requests: number
  /** Of these, answered by 5xx. */
  readonly errors: number
  /** Requests by the bound of milliseconds that they did not exceed, each counted once. */
  readonly times: ReadonlyMap<number, number>
}

/** What is read of an OTLP `ExportMetricsServiceRequest`. */
export interface StatsMessage {
  /** Of the resource, those that are texts: whose stats they are. */
  readonly attributes: ReadonlyMap<string, string>
  readonly figures: RequestFigures
  /** By name. */
  readonly clusters: ReadonlyMap<string, ClusterStats>
  /** Milliseconds over which they were counted. */
  readonly overMs: number
}

/** Buckets of one histogram at most: Envoy has 20. */
const maxBuckets = 64
/** `AGGREGATION_TEMPORALITY_DELTA`. */
const delta = 1

interface Sum {
  requests: number
  errors: number
  times: Map<number, number>
  overMs: number
  readonly clusters: ClusterStatsReader
}

/**
 * Reads what a gate and the view of clusters' health need of the stats of an Envoy, as `bootstrap/` asks for them, and
 * passes over all else unread (opentelemetry-proto: `metrics/v1/metrics.proto`). Throws `RangeError`.
 */
export function readStats(bytes: Buffer): StatsMessage {
  const sum: Sum = { requests: 0, errors: 0, times: new Map(), overMs: 0, clusters: new ClusterStatsReader() }
  const attributes = new Map<string, string>()
  each(new WireReader(bytes), { 1: (resourceMetrics) => addResource(resourceMetrics, sum, attributes) })
  const { overMs, clusters, ...figures } = sum
  return { attributes, figures, clusters: clusters.clusters, overMs }
}

/** Hands on the messages in the fields that are named. */
function each(reader: WireReader, take: Readonly<Record<number, (message: WireReader) => void>>): void {
  while (reader.next()) take[reader.field]?.(reader.message())
}

function addResource(reader: WireReader, sum: Sum, attributes: Map<string, string>): void {
  each(reader, {
    1: (resource) => each(resource, { 1: (pair) => addPair(pair, attributes) }),
    2: (scope) => each(scope, { 2: (metric) => addMetric(metric, sum) }),
  })
}

/** A KeyValue whose value is a text. */
function addPair(pair: WireReader, to: Map<string, string>): void {
  let [key, value]: [string, string | undefined] = ['', undefined]
  while (pair.next()) {
    if (pair.field === 1) key = pair.text()
    if (pair.field !== 2) continue
    const any = pair.message()
    while (any.next()) if (any.field === 1) value = any.text()
  }
  if (value !== undefined) to.set(key, value)
}

/** A Metric: its name comes first, as serializers write it. */
function addMetric(metric: WireReader, sum: Sum): void {
  let name = ''
  while (metric.next()) {
    if (metric.field === 1) name = metric.text()
    else if (metric.field === 5) addGauge(name, metric.message(), sum)
    else if (metric.field === 7) addSum(name, metric.message(), sum)
    else if (metric.field === 9 && name === 'http.downstream_rq_time')
      addPoints(metric.message(), sum, addTimes)
  }
}

function addGauge(name: string, gauge: WireReader, { clusters }: Sum): void {
  const take = clusters.taker(name)
  if (take === undefined) return
  each(gauge, {
    1: (point) => {
      const { tags, value } = readPoint(point)
      take(tags, positive(value))
    },
  })
}

function addSum(name: string, message: WireReader, sum: Sum): void {
  if (name === 'http.downstream_rq_xx') addPoints(message, sum, addCount)
  const take = sum.clusters.taker(name)
  if (take === undefined) return
  addPoints(message, sum, (point) => {
    const { tags, value } = readPoint(point)
    take(tags, positive(value))
  })
}

/** The data points of a Sum or a Histogram, whose fields have the same numbers. */
function addPoints(reader: WireReader, sum: Sum, add: (point: WireReader, sum: Sum) => void): void {
  const points: WireReader[] = []
  let temporality = 0
  while (reader.next()) {
    if (reader.field === 1) points.push(reader.message())
    else if (reader.field === 2) temporality = reader.integer()
  }
  // A total since the Envoy's start says nothing of now.
  if (temporality === delta) for (const point of points) add(point, sum)
}

interface Point {
  readonly tags: Map<string, string>
  readonly start: number
  readonly end: number
  readonly value: number
}

/** A NumberDataPoint. */
function readPoint(point: WireReader): Point {
  const tags = new Map<string, string>()
  let [start, end, value] = [0, 0, 0]
  while (point.next()) {
    if (point.field === 2) start = point.fixed64()
    else if (point.field === 3) end = point.fixed64()
    else if (point.field === 4) value = point.double()
    else if (point.field === 6) value = point.fixed64()
    else if (point.field === 7) addPair(point.message(), tags)
  }
  return { tags, start, end, value }
}

function addCount(point: WireReader, sum: Sum): void {
  const { tags, start, end, value } = readPoint(point)
  if (isOther(tags)) return
  noteTime(start, end, sum)
  sum.requests += positive(value)
  if (tags.get('envoy.response_code_class') === '5') sum.errors += positive(value)
}

/** A HistogramDataPoint. Its last count is of those beyond the last bound, which count as that. */
function addTimes(point: WireReader, sum: Sum): void {
  const tags = new Map<string, string>()
  let [counts, limits]: [number[], number[]] = [[], []]
  while (point.next()) {
    if (point.field === 6) counts = packed(point.bytes(), (bytes, at) => Number(bytes.readBigUInt64LE(at)))
    else if (point.field === 7) limits = packed(point.bytes(), (bytes, at) => bytes.readDoubleLE(at))
    else if (point.field === 9) addPair(point.message(), tags)
  }
  if (isOther(tags)) return
  for (const [index, count] of counts.entries()) {
    const bound = limits[Math.min(index, limits.length - 1)]
    if (bound === undefined || count === 0 || sum.times.size >= maxBuckets) continue
    sum.times.set(positive(bound), (sum.times.get(bound) ?? 0) + positive(count))
  }
}

function packed(bytes: Buffer, read: (bytes: Buffer, at: number) => number): number[] {
  const count = Math.min(Math.floor(bytes.length / 8), maxBuckets)
  return Array.from({ length: count }, (_, index) => read(bytes, 8 * index))
}

/** Nanoseconds since 1970, by the Envoy's clock. */
function noteTime(start: number, end: number, sum: Sum): void {
  if (start > 0 && end > start) sum.overMs = Math.max(sum.overMs, (end - start) / 1e6)
}

/** Of the connection managers that are not for clients. */
function isOther(tags: ReadonlyMap<string, string>): boolean {
  return ['admin', 'weir_readiness'].includes(tags.get('envoy.http_conn_manager_prefix') ?? '')
}

/** What no counter of Envoy is would poison every sum. */
function positive(value: number): number {
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError('a count is no number')
  return value
}
