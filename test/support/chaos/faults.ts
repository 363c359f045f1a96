import fc from 'fast-check'
import { until } from '../until.ts'
import type { Asked } from './clients.ts'
import { type ChaosFleet, fragile } from './fleet.ts'
import { type Illness, illnesses } from './upstream.ts'

/** Something that goes wrong, and is made good. */
export type Fault =
  | { what: 'upstream'; index: number; illness: Illness; ms: number }
  | { what: 'envoy' | 'weir'; signal: 'SIGTERM' | 'SIGKILL' }
  | { what: 'postgres'; signal: 'SIGQUIT' | 'SIGKILL' }
  | { what: 'valkey' }

/** While it was wrong, until all was well again. */
export interface Window {
  readonly fault: Fault
  readonly from: number
  readonly to: number
}

const ending = fc.constantFrom('SIGTERM' as const, 'SIGKILL' as const)

const upstream: fc.Arbitrary<Fault> = fc.record({
  what: fc.constant('upstream' as const),
  index: fc.nat(2),
  illness: fc.constantFrom(...illnesses),
  ms: fc.integer({ min: 300, max: 3_000 }),
})

const of = (what: 'envoy' | 'weir'): fc.Arbitrary<Fault> =>
  fc.record({ what: fc.constant(what), signal: ending })

const postgres: fc.Arbitrary<Fault> = fc.record({
  what: fc.constant('postgres' as const),
  signal: fc.constantFrom('SIGQUIT' as const, 'SIGKILL' as const),
})

const valkey: fc.Arbitrary<Fault> = fc.constant({ what: 'valkey' })

/** What goes wrong where requests go by, and where no request should notice it. */
export const lanes = {
  onTheWay: [upstream, upstream, upstream, of('envoy')],
  behind: [of('weir'), postgres, valkey],
}

/** Of each kind one, in any order. */
export function oneOfEach(kinds: readonly fc.Arbitrary<Fault>[]): fc.Arbitrary<Fault[]> {
  return fc
    .tuple(...new Set(kinds))
    .chain((faults) => fc.shuffledSubarray(faults, { minLength: faults.length }))
}

/** Any of them, so many. */
export function any(kinds: readonly fc.Arbitrary<Fault>[], count: number): fc.Arbitrary<Fault[]> {
  return fc.array(fc.oneof(...kinds), { minLength: count, maxLength: count, size: 'max' })
}

/** Has it go wrong, and waits until all is well again. */
export async function goThrough(
  fleet: ChaosFleet,
  fault: Fault,
  pause: (ms: number) => Promise<unknown>,
): Promise<Window> {
  const from = performance.now()
  switch (fault.what) {
    case 'upstream': {
      const upstream = fleet.upstreams[fault.index]!
      await upstream.fall(fault.illness)
      await pause(fault.ms)
      await until('a request meets it', () => upstream.met.has(fault.illness), 60)
      await upstream.recover()
      await fleet.allHealthy()
      break
    }
    case 'envoy':
      await fleet.endEnvoy(fault.signal)
      break
    case 'weir':
      await fleet.endWeir(fault.signal)
      break
    case 'postgres':
      await fleet.endPostgres(fault.signal)
      break
    case 'valkey':
      await fleet.endValkey()
  }
  return { fault, from, to: performance.now() }
}

/** What is told from replica to replica, and from Envoy to Envoy, is known everywhere by then. */
const toldMs = 1_000

/** Whether a request may fail for a fault that it met: none does for what is behind, or for a service that is not its own. */
export function excuses({ fault, from, to }: Window, asked: Asked, fleet: ChaosFleet): boolean {
  if (asked.answeredAt < from || asked.sentAt > to + toldMs) return false
  if (fault.what === 'envoy') return asked.port === fleet.members[1]!.port
  if (fault.what !== 'upstream') return false
  return asked.status >= 500 && (asked.path !== fragile || fault.index === 0)
}
