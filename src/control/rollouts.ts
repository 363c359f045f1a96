import { WeirError } from '../errors.ts'
import type { GatewaySpec } from '../model/gateway.ts'
import type { RolloutSpec } from '../model/rollout.ts'
import type { GatewayReport, RolloutRecord, RolloutTable, SharedRollouts } from '../model/rollout-record.ts'
import { find } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { reaches } from '../xds/rollout.ts'
import type { XdsServer } from '../xds/server.ts'
import type { Controller } from './controller.ts'
import { WaveFigures } from './figures.ts'
import { noFigures } from './gate.ts'
import { type Action, act, type Step, step } from './rollout.ts'
import { reportOf } from './rollout-report.ts'
import { compared, seenBy } from './rollout-seen.ts'
import { type RolloutView, viewOf } from './rollout-view.ts'

/** A look at least so often, and so soon after what the Envoys of this replica do. Milliseconds. */
const [lookMs, noticeMs] = [1_000, 250]
/** Who drives does so until it has been silent for this time. */
const leaseMs = 4_000
const forgetMs = 60 * 60_000

export interface RolloutsOptions {
  /** This process: unique, and for people. */
  own: { id: string; name: string }
  table: SharedRollouts
  controller: Pick<Controller, 'stage' | 'state' | 'gateways'>
  xds: { fleet: Pick<XdsServer['fleet'], 'standing'>; onFigures: XdsServer['onFigures'] }
  observe: Observe
}

export interface Rollouts {
  /** Asks for a look now: something was applied, or another replica told of its Envoys. */
  hint(): void
  /** How far the gateways with a `rollout` are, of these or of all. */
  views(gateways?: ReadonlySet<string>): RolloutView[]
  /** Does what a person asks for; nothing where the gateway has no `rollout`. Throws `conflict`. */
  act(gateway: string, action: Action): Promise<RolloutView | undefined>
  /** Calls back whenever a record is served by that was not before. */
  follow(listener: () => void): () => void
  close(): Promise<void>
}

/**
 * Moves the rollouts on, on one replica at a time: that which has the lease (`rollout_driver`). Every one of them says
 * what its own Envoys do, once a second and when that changes, and a record is changed by whoever saw it as it is; so
 * that it does not matter which replica drives, or when another one begins to.
 */
export function createRollouts(options: RolloutsOptions): Rollouts {
  const { own, table, controller, xds, observe } = options
  const figures = new Map<string, { startedAt: number; figures: WaveFigures }>()
  const followers = new Set<() => void>()
  const begun = performance.now()
  let last: RolloutTable | undefined
  let driving = false
  let told = ''
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined
  let pending = false
  let closed = false

  function rolloutOf(gateway: string): RolloutSpec | undefined {
    return (find(controller.state(), 'Gateway', gateway)?.document.spec as GatewaySpec | undefined)?.rollout
  }

  const staged = () => controller.gateways().filter((gateway) => controller.stage(gateway) !== undefined)

  function figuresOf({ gateway, epoch, startedAt }: RolloutRecord): WaveFigures {
    const known = figures.get(gateway) ?? { startedAt: 0, figures: new WaveFigures() }
    known.figures.begin(epoch, startedAt.getTime() !== known.startedAt, performance.now())
    known.startedAt = startedAt.getTime()
    figures.set(gateway, known)
    return known.figures
  }

  xds.onFigures((node, added) => {
    const stage = controller.stage(node.gateway)
    if (stage === undefined) return
    const { state, reach } = stage.record
    const isReached = (state === 'running' || state === 'halted') && reaches(reach, node)
    figuresOf(stage.record).add(added, isReached, performance.now())
  })

  function report(): Record<string, GatewayReport> {
    const entries = staged().flatMap((gateway): [string, GatewayReport][] => {
      const [stage, rollout] = [controller.stage(gateway), rolloutOf(gateway)]
      if (stage === undefined || rollout === undefined) return []
      const { compared } = figuresOf(stage.record)
      return [[gateway, reportOf(stage, rollout, xds.fleet.standing(gateway), compared)]]
    })
    return Object.fromEntries(entries)
  }

  /** What others should know at once; figures can wait. */
  function essence(said: Record<string, GatewayReport>): string {
    const none = { reached: noFigures, others: noFigures, before: noFigures }
    return JSON.stringify(Object.entries(said).map(([name, each]) => [name, { ...each, figures: none }]))
  }

  async function exchange(lease = leaseMs): Promise<RolloutTable> {
    const said = report()
    const now = essence(said)
    lookedAt = performance.now()
    last = await table.exchangeRollouts({
      ...{ replica: own.id, name: own.name, report: said, tell: now !== told },
      ...{ aliveMs: performance.now() - begun, leaseMs: lease, forgetMs },
    })
    told = now
    const drives = last.driver.replica === own.id
    if (drives && !driving) observe({ event: 'rollout_driver', replica: own.name })
    driving = drives
    return last
  }

  /** The record as it is served here, with what all see of it; nothing where this replica is behind. */
  function standing(record: RolloutRecord, known: RolloutTable) {
    const [stage, rollout] = [controller.stage(record.gateway), rolloutOf(record.gateway)]
    if (rollout === undefined || stage?.record.version !== record.version) return undefined
    const { newestIs } = stage
    return seenBy(record, rollout, known, { newestIs, revision: controller.state().revision })
  }

  async function move(record: RolloutRecord, made: Step, driver?: string): Promise<boolean> {
    const driven = driver === undefined ? {} : { driver }
    const isMoved = await table.moveRollout({ from: record, ...made, ...driven })
    if (!isMoved) return false
    const { gateway, candidate: revision, state, wave, reason } = made.to
    const isTold = state !== record.state || wave !== record.wave || revision !== record.candidate
    if (isTold && !(state === 'done' && record.state === 'done')) {
      observe({ event: 'rollout_moved', gateway, revision, state, wave: wave + 1, reason })
    }
    return true
  }

  async function drive(): Promise<void> {
    if (staged().length === 0) return
    try {
      const known = await exchange()
      if (!driving) return
      for (const record of known.records) {
        const seen = standing(record, known)
        const made = seen && step(record, seen)
        if (made !== undefined) await move(record, made, own.id)
      }
    } catch (error) {
      // That the database is away is told by the feed.
      const away = error instanceof WeirError && error.code === 'unavailable'
      if (!away) observe({ event: 'failed', where: 'rollouts', error })
    }
  }

  async function look(): Promise<void> {
    do {
      pending = false
      await drive()
    } while (pending && !closed)
    looking = undefined
  }

  function hint(): void {
    if (closed) return
    pending = true
    looking ??= look()
  }

  const timer = setInterval(() => {
    const isMoving = staged().some((gateway) => controller.stage(gateway)?.record.state !== 'done')
    if (performance.now() - lookedAt >= lookMs || (isMoving && essence(report()) !== told)) hint()
  }, noticeMs)

  function view(record: RolloutRecord): RolloutView {
    const reports = last?.reports ?? []
    const seen = last === undefined ? undefined : standing(record, last)
    return viewOf(record, rolloutOf(record.gateway), seen, compared(record, reports), last?.driver.name)
  }

  return {
    hint() {
      for (const follower of followers) follower()
      hint()
    },
    views(gateways) {
      const wanted = staged().filter((gateway) => gateways?.has(gateway) !== false)
      return wanted.sort().map((gateway) => view(controller.stage(gateway)!.record))
    },
    async act(gateway, action) {
      const known = await exchange()
      const record = known.records.find((each) => each.gateway === gateway)
      if (record === undefined) return undefined
      const seen = standing(record, known)
      if (seen === undefined) throw new WeirError('conflict', 'The rollout has just moved; look again.')
      const made = act(record, action, seen)
      if ('refused' in made) throw new WeirError('conflict', `${made.refused}; it cannot ${action}.`)
      if (!(await move(record, made)))
        throw new WeirError('conflict', 'The rollout has just moved; look again.')
      return view(made.to)
    },
    follow(listener) {
      followers.add(listener)
      return () => followers.delete(listener)
    },
    async close() {
      closed = true
      clearInterval(timer)
      await looking
      // The next one need not wait for the end of the lease.
      if (driving) await exchange(0).catch(() => undefined)
    },
  }
}
