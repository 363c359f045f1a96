import type {
  DescriptorEntry,
  RateLimitDescriptor,
  RateLimitRequest,
} from '../ratelimit/transports/messages.ts'
import type { Report } from './machine.ts'
import type { Micros } from './state.ts'

/** The rate-limit domain in which Envoys ask for breakers. A slash stands in no gateway's name. */
export const breakerDomain = 'weir/breaker'

/** A request wants to go to a cluster. */
export interface Ask {
  readonly cluster: string
  /** For how long its place would be its, were it a probe. */
  readonly life: Micros
}

/** What became of one that was admitted. */
export interface Told extends Omit<Report, 'outcomes'> {
  readonly cluster: string
  readonly outcome: 'ok' | 'fail' | 'abort'
  /** Milliseconds until its answer began, where they are known. */
  readonly duration: number | undefined
}

/** Entries of a descriptor that are looked at: Envoy sends five. */
const mostEntries = 8
/** Characters of a value that are looked at: names of clusters are the longest. */
const longestValue = 253
/** Of a route without a timeout, and where none can be read. Milliseconds. */
const usualTimeout = 60_000
const longestTimeout = 24 * 60 * 60_000
/** What a request may take beyond its route's timeout: its report has to come, too. */
const graceMs = 5_000

/** The first descriptor that asks, and all that report. What is neither is passed over: a peer may send anything. */
export function readRequest({ descriptors = [] }: RateLimitRequest): { ask: Ask | undefined; told: Told[] } {
  let ask: Ask | undefined
  const told: Told[] = []
  for (const descriptor of descriptors) {
    const values = valuesOf(descriptor)
    const cluster = values?.get('destination_cluster')
    if (values === undefined || cluster === undefined || cluster === '') continue
    const what = values.get('breaker')
    if (what === 'ask') ask ??= { cluster, life: (timeoutOf(values.get('timeout')) + graceMs) * 1_000 }
    const report = what === 'report' ? toldOf(cluster, values) : undefined
    if (report !== undefined) told.push(report)
  }
  return { ask, told }
}

/** By which an admitted request is known when it reports: the generation, and behind a point the place of a probe. */
export function admissionText({ generation, place }: Pick<Told, 'generation' | 'place'>): string {
  return place === undefined ? String(generation) : `${generation}.${place}`
}

function valuesOf({ entries = [] }: RateLimitDescriptor): Map<string, string> | undefined {
  if (entries.length > mostEntries) return undefined
  const values = new Map<string, string>()
  for (const { key = '', value = '' } of entries) {
    if (value.length <= longestValue) values.set(key, textOf(value))
  }
  return values
}

function textOf(value: NonNullable<DescriptorEntry['value']>): string {
  return typeof value === 'string' ? value : value.toString('latin1')
}

function timeoutOf(text = ''): number {
  const timeout = wholeNumber(text) ?? 0
  return timeout === 0 ? usualTimeout : Math.min(timeout, longestTimeout)
}

function toldOf(cluster: string, values: ReadonlyMap<string, string>): Told | undefined {
  const [, generation, place] = /^(\d{1,16})(?:\.(\d{1,16}))?$/.exec(values.get('gen') ?? '') ?? []
  const outcome = values.get('outcome')
  if (generation === undefined) return undefined
  if (outcome !== 'ok' && outcome !== 'fail' && outcome !== 'abort') return undefined
  return {
    ...{ cluster, outcome, generation: Number(generation) },
    ...(place !== undefined && { place: Number(place) }),
    duration: wholeNumber(values.get('duration') ?? ''),
  }
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,12}$/.test(text) ? Number(text) : undefined
}
