import type { Measured } from './measure.ts'

export interface Result {
  store: 'memory' | 'valkey'
  measured: Measured
  /** envoyproxy/ratelimit with the same Valkey, policies and keys. */
  reference: Measured | undefined
}

/** In memory: microseconds of CPU, decisions a second, milliseconds. */
const inMemory = { cpu: 4, perSecond: 200_000, p99: 1 }
/** Over Valkey: the reference's CPU, and through an Envoy its requests a second, by a factor. */
const timesCheaper = 3
export const timesFaster = 3

export const verdict = (met: boolean) => (met ? 'MET' : 'MISSED')

/** Whether the lane has reached its goal. */
export function judged({ store, measured, reference }: Result): string {
  const { cpu, perSecond, p99 } = measured
  if (store === 'memory') {
    const met = cpu.service <= inMemory.cpu && perSecond >= inMemory.perSecond && p99 < inMemory.p99
    return `<= ${inMemory.cpu} us, >= ${inMemory.perSecond}/s, p99 < ${inMemory.p99} ms: ${verdict(met)}`
  }
  if (reference === undefined) return 'no reference'
  const times = (reference.cpu.service + reference.cpu.store) / (cpu.service + cpu.store)
  return `<= 1/${timesCheaper} of envoyproxy's CPU: 1/${times.toFixed(1)} ${verdict(times >= timesCheaper)}`
}
