import type { RolloutSpec } from '../model/rollout.ts'
import type { GatewayReport, KnownReport, RolloutRecord, RolloutTable } from '../model/rollout-record.ts'
import { type Compared, isSilent, judge, sumOf } from './gate.ts'
import { type Seen, watchedMs } from './rollout.ts'
import type { Stage } from './staging.ts'

/** Milliseconds without a word after which a replica has ended. */
export const staleMs = 3_000
/** For so long the Envoys of a replica that ended are on their way to others: Envoy notices within 7 s. */
const movingMs = 8_000
/** For so long those of one that started are on their way to it. */
const startingMs = 5_000

/** For so long a wave is watched besides where its Envoys should have had requests, and told of none. */
const silenceMs = 30_000

/** Puts together what all replicas say of a gateway. */
export function seenBy(
  record: RolloutRecord,
  rollout: RolloutSpec,
  table: Pick<RolloutTable, 'now' | 'reports'>,
  newest: Pick<Stage, 'newestIs'> & { revision: number },
): Seen {
  const { gateway, epoch } = record
  const { now, reports } = table
  const ago = (at: Date) => now.getTime() - at.getTime()
  const live = reports.filter(({ seenAt }) => ago(seenAt) <= staleMs)
  const said = live.flatMap(({ report }) => report[gateway] ?? [])
  const isFresh = live.length > 0 && live.every(({ report }) => report[gateway]?.epoch === epoch)
  const isSteady =
    live.every(({ startedAt }) => ago(startedAt) > startingMs) &&
    reports.every((each) => live.includes(each) || ago(each.seenAt) > movingMs || !hasEnvoys(each, gateway))
  const { gate } = rollout
  const others = total(said.map((each) => each.others))
  const figures = compared(record, reports)
  const settledFor = record.settlingAt === null ? Number.NEGATIVE_INFINITY : ago(record.settlingAt)
  const isEarly = settledFor < watchedMs(gate)
  const isLate = settledFor < watchedMs(gate) + silenceMs
  const without = others.envoys === 0 ? 'nobody' : isEarly ? 'awaited' : 'heard'
  return {
    now,
    rollout,
    newest: newest.revision,
    newestIs: newest.newestIs,
    complete: isFresh && isSteady,
    reached: total(said.map(({ reached }) => reached)),
    others,
    byWave: [...rollout.waves, undefined].map((_, wave) => sum(said.map(({ byWave }) => byWave[wave] ?? 0))),
    places: said.flatMap(({ places }) => [...places]).sort((a, b) => a - b),
    nacks: said.filter((each) => each.epoch === epoch).flatMap(({ nacks }) => [...nacks]),
    tripped: gate === undefined ? undefined : judge(gate, figures, without),
    awaitsFigures: gate !== undefined && isLate && isSilent(gate, figures),
  }
}

/** What was answered in this wave; what a replica said that has ended since counts as well. */
export function compared({ gateway, epoch }: RolloutRecord, reports: readonly KnownReport[]): Compared {
  const all = reports.flatMap(({ report }) => report[gateway] ?? []).filter((each) => each.epoch === epoch)
  const of = (which: keyof Compared) => sumOf(all.map(({ figures }) => figures[which]))
  return { reached: of('reached'), others: of('others'), before: of('before') }
}

function hasEnvoys({ report }: KnownReport, gateway: string): boolean {
  const said = report[gateway]
  return said !== undefined && said.reached.envoys + said.others.envoys > 0
}

function total(all: readonly GatewayReport['reached'][]): GatewayReport['reached'] {
  return { envoys: sum(all.map(({ envoys }) => envoys)), pending: sum(all.map(({ pending }) => pending)) }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((so, each) => so + each, 0)
}
