import type { Micros } from '../../algorithms/algorithm.ts'
import type { Primary } from '../redis/link.ts'
import type { ClockReading } from './clock-skew.ts'

/** Asks each primary for its time. Rejects where one does not say it. */
export function readClocks(primaries: readonly Primary[], wall: () => Micros): Promise<ClockReading[]> {
  return Promise.all(
    primaries.map(async (primary) => {
      const { host, port } = primary.options
      const sentAt = wall()
      const [seconds, micros] = (await primary.call('TIME')) as [string, string]
      const time = Number(seconds) * 1_000_000 + Number(micros)
      return { node: `${host}:${port}`, time, sentAt, receivedAt: wall() }
    }),
  )
}
