import {
  type BreakerDescriptor,
  type BreakerOutcome,
  breakerEntries as entry,
  timeoutWithoutOne,
} from '../model/breaker-descriptor.ts'
import type {
  DescriptorEntry,
  RateLimitDescriptor,
  RateLimitRequest,
} from '../ratelimit/transports/messages.ts'
import type { Report } from './machine.ts'
import type { Micros } from './state.ts'

/** A request wants to go to a cluster. */
export interface Ask {
  readonly cluster: string
  /** For how long its place would be its, were it a probe. */
  readonly life: Micros
  /** Its route knows another way for it. */
  readonly mayGoElsewhere: boolean
}

/** What became of one that was admitted. */
export interface Told extends Omit<Report, 'outcomes'> {
  readonly cluster: string
  readonly outcome: BreakerOutcome
  /** Milliseconds until its answer began, where they are known. */
  readonly duration: number | undefined
}

/** Entries of a descriptor that are looked at: Envoy sends five. */
const mostEntries = 8
/** Characters of a value that are looked at: names of clusters are the longest. */
const longestValue = 253
/** Milliseconds. */
const longestTimeout = 24 * 60 * 60_000
/** What a request may take beyond its route's timeout: its report has to come, too. */
const graceMs = 5_000

/**
 * The first descriptor that asks, and all that report, with the durations that stand beside them. What is none of these is
 * passed over: a peer may send anything.
 */
export function readRequest({ descriptors = [] }: RateLimitRequest): { ask: Ask | undefined; told: Told[] } {
  let ask: Ask | undefined
  const told: (Omit<Told, 'duration'> & { key: string })[] = []
  const durations = new Map<string, number>()
  for (const descriptor of descriptors) {
    const values = valuesOf(descriptor)
    const cluster = values?.get(entry.cluster)
    if (values === undefined || cluster === undefined || cluster === '') continue
    switch (values.get(entry.kind) as BreakerDescriptor | undefined) {
      case 'ask':
        ask ??= {
          cluster,
          life: (timeoutOf(values.get(entry.timeout)) + graceMs) * 1_000,
          mayGoElsewhere: values.has(entry.fallback),
        }
        break
      case 'report': {
        const report = toldOf(cluster, values)
        if (report !== undefined) told.push(report)
        break
      }
      case 'duration':
        durations.set(ofWhom(cluster, values), Number(descriptor.hits_addend?.value ?? 0))
    }
  }
  return { ask, told: told.map(({ key, ...report }) => ({ ...report, duration: durations.get(key) })) }
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
  const timeout = /^\d{1,12}$/.test(text) ? Number(text) : 0
  return timeout === 0 ? timeoutWithoutOne : Math.min(timeout, longestTimeout)
}

function ofWhom(cluster: string, values: ReadonlyMap<string, string>): string {
  return `${cluster} ${values.get(entry.generation)}`
}

function toldOf(cluster: string, values: ReadonlyMap<string, string>) {
  const [, generation, place] = /^(\d{1,16})(?:\.(\d{1,16}))?$/.exec(values.get(entry.generation) ?? '') ?? []
  const outcome = values.get(entry.outcome) as BreakerOutcome | undefined
  if (generation === undefined) return undefined
  if (outcome !== 'ok' && outcome !== 'fail' && outcome !== 'abort') return undefined
  return {
    ...{ cluster, outcome, generation: Number(generation) },
    ...(place !== undefined && { place: Number(place) }),
    key: ofWhom(cluster, values),
  }
}
