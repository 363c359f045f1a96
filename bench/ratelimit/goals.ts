import type { Measured } from './measure.ts'

export interface Result {
  store: 'memory' | 'valkey'
  measured: Measured
  /** With the same policies and keys: Limitador in memory, envoyproxy/ratelimit with the same Valkey. */
  reference: Measured | undefined
}

/** In memory: microseconds of CPU, decisions a second, milliseconds; and CPU below that share of Limitador's. */
const inMemory = { cpu: 4, perSecond: 200_000, p99: 1, shareOfReference: 0.5 }
/** Over Valkey: the reference's CPU, and through an Envoy its requests a second, by a factor. */
const timesCheaper = 3
export const timesFaster = 3

export const verdict = (met: boolean) => (met ? 'MET' : 'MISSED')

/** Which of its goals the lane has reached. */
export function judged({ store, measured, reference }: Result): string {
  const { cpu, perSecond, p99 } = measured
  const total = cpu.service + cpu.store
  const times = reference === undefined ? undefined : (reference.cpu.service + reference.cpu.store) / total
  if (store === 'valkey') {
    if (times === undefined) return 'no reference'
    return `<= 1/${timesCheaper} of envoyproxy's CPU: 1/${times.toFixed(1)} ${verdict(times >= timesCheaper)}`
  }
  const share = times === undefined ? undefined : 1 / times
  return [
    `<= ${inMemory.cpu} us: ${verdict(cpu.service <= inMemory.cpu)}`,
    `>= ${inMemory.perSecond}/s: ${verdict(perSecond >= inMemory.perSecond)}`,
    `p99 < ${inMemory.p99} ms: ${verdict(p99 < inMemory.p99)}`,
    share === undefined
      ? ''
      : `< ${inMemory.shareOfReference} of Limitador's CPU: ${share.toFixed(2)} ${verdict(share < inMemory.shareOfReference)}`,
  ]
    .filter((each) => each !== '')
    .join('; ')
}
