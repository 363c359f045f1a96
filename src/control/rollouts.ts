import { WeirError } from '../errors.ts'
import { createLooks } from '../feed/looks.ts'
import { createSettling } from '../feed/settling.ts'
import type { GatewaySpec } from '../model/gateway.ts'
import type { RolloutSpec } from '../model/rollout.ts'
import type { GatewayReport, RolloutRecord, RolloutTable, SharedRollouts } from '../model/rollout-record.ts'
import { find } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { reaches } from '../xds/rollout.ts'
import type { XdsServer } from '../xds/server.ts'
import type { Controller } from './controller.ts'
import { tellFault } from './fault.ts'
import { WaveFigures } from './figures.ts'
import { noFigures } from './gate.ts'
import { type Action, act, type RolloutStep, step } from './rollout.ts'
import { createRolloutNews, isMove } from './rollout-news.ts'
import { reportOf } from './rollout-report.ts'
import { compared, seenBy } from './rollout-seen.ts'
import { type RolloutView, viewOf } from './rollout-view.ts'

/** A look at least so often, and so soon after what the Envoys of this replica do. Milliseconds. */
const [lookMs, noticeMs] = [1_000, 250]
/** Who drives does so until it has been silent for this time. */
const leaseMs = 4_000
const forgetMs = 60 * 60_000
/** For so long what a person asks for is tried again where the record has just moved. */
const actMs = 5_000

export interface RolloutsOptions {
  /** This process: unique, and for people. */
  own: { id: string; name: string }
  table: SharedRollouts
  controller: Pick<Controller, 'stage' | 'state' | 'gateways'>
  xds: { fleet: Pick<XdsServer['fleet'], 'rolloutEnvoys'>; onStats: XdsServer['onStats'] }
  observe: Observe
}

export interface RolloutQuestion {
  revision: number
  gateways: ReadonlySet<string>
}

/** `reverted`: they have not, and will not by themselves. */
export type Reached = 'all' | 'pending' | 'reverted'

export interface Rollouts {
  /** Asks for a look now: something was applied, or another replica told of its Envoys. */
  hint(): void
  /** Calls back with each record that moved, here or at another replica. */
  follow(listener: (record: RolloutRecord) => void): void
  /** How far the gateways with a `rollout` are, of these or of all. */
  views(gateways?: ReadonlySet<string>): RolloutView[]
  /** Does what a person asks for; nothing where the gateway has no `rollout`. Throws `conflict`. */
  act(gateway: string, action: Action): Promise<RolloutView | undefined>
  /** Whether all Envoys of these gateways have the revision, over all replicas. */
  reached(question: RolloutQuestion): Reached
  /** The same once it is not `pending` any more, or the signal fires. */
  whenReached(question: RolloutQuestion, signal: AbortSignal): Promise<Reached>
  close(): Promise<void>
}

/**
 * Moves the rollouts on, on one replica at a time: that which has the lease (`rollout_driver`). Every one of them says
 * what its own Envoys do, once a second and when that changes, and a record is changed by whoever saw it as it is; so
 * that it does not matter which replica drives, or when another one begins to.
 */
export function createRollouts(options: RolloutsOptions): Rollouts {
  const { own, table, controller, xds, observe } = options
  const figures = new Map<string, WaveFigures>()
  const settling = createSettling()
  const followers = new Set<(record: RolloutRecord) => void>()
  const news = createRolloutNews((record) => {
    for (const follower of followers) follower(record)
  })
  const begun = performance.now()
  let last: RolloutTable | undefined
  let driving = false
  let told = ''
  let lookedAt = Number.NEGATIVE_INFINITY
  let looks = 0
  let closed = false

  function rolloutOf(gateway: string): RolloutSpec | undefined {
    return (find(controller.state(), 'Gateway', gateway)?.document.spec as GatewaySpec | undefined)?.rollout
  }

  const staged = () => controller.gateways().filter((gateway) => controller.stage(gateway) !== undefined)

  function figuresOf(record: RolloutRecord): WaveFigures {
    const known = figures.get(record.gateway) ?? new WaveFigures()
    figures.set(record.gateway, known)
    known.follow(record, performance.now())
    return known
  }

  xds.onStats((node, { figures: added }, since) => {
    const stage = controller.stage(node.gateway)
    if (stage === undefined) return
    const { state, reach } = stage.record
    const isReached = (state === 'running' || state === 'halted') && reaches(reach, node)
    figuresOf(stage.record).add(added, isReached, since, performance.now())
  })

  function report(): Record<string, GatewayReport> {
    const entries = staged().flatMap((gateway): [string, GatewayReport][] => {
      const [stage, rollout] = [controller.stage(gateway), rolloutOf(gateway)]
      if (stage === undefined || rollout === undefined) return []
      const { compared } = figuresOf(stage.record)
      return [[gateway, reportOf(stage, rollout, xds.fleet.rolloutEnvoys(gateway), compared)]]
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
    news.seen(last.records, new Date(last.now.getTime() - (performance.now() - begun)))
    const drives = last.driver.replica === own.id
    if (drives && !driving) observe({ event: 'rollout_driver', replica: own.name })
    driving = drives
    looks++
    settling.changed()
    return last
  }

  /** The record as it is served here, with what all see of it; nothing where this replica is behind. */
  function seenOf(record: RolloutRecord, known: RolloutTable) {
    const [stage, rollout] = [controller.stage(record.gateway), rolloutOf(record.gateway)]
    if (rollout === undefined || stage?.record.version !== record.version) return undefined
    const { newestIs } = stage
    return seenBy(record, rollout, known, { newestIs, revision: controller.state().revision })
  }

  async function move(record: RolloutRecord, made: RolloutStep, driver?: string): Promise<boolean> {
    const driven = driver === undefined ? {} : { driver }
    const isMoved = await table.moveRollout({ from: record, ...made, ...driven })
    if (!isMoved) return false
    news.moved(made.to)
    const { gateway, candidate: revision, state, wave, reason } = made.to
    if (isMove(record, made.to)) {
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
        const seen = seenOf(record, known)
        const made = seen && step(record, seen)
        if (made !== undefined) await move(record, made, own.id)
      }
    } catch (error) {
      tellFault(observe, 'rollouts', error)
    }
  }

  const { look, ended } = createLooks(async () => {
    if (!closed) await drive()
  })
  const hint = () => void look()

  const timer = setInterval(() => {
    const isMoving = staged().some((gateway) => controller.stage(gateway)?.record.state !== 'done')
    if (performance.now() - lookedAt >= lookMs || (isMoving && essence(report()) !== told)) hint()
  }, noticeMs)

  function view(record: RolloutRecord): RolloutView {
    const reports = last?.reports ?? []
    const seen = last === undefined ? undefined : seenOf(record, last)
    return viewOf(record, rolloutOf(record.gateway), seen, compared(record, reports), last?.driver.name)
  }

  function reachedAt(gateway: string, revision: number): Reached {
    const stage = controller.stage(gateway)
    // What Envoys cannot tell from what they all have is in force already.
    if (stage === undefined || stage.newestIs === 'base') return 'all'
    const { state, candidate } = stage.record
    if (state === 'reverted') return candidate >= revision ? 'reverted' : 'pending'
    if ((state !== 'running' && state !== 'halted') || stage.newestIs === 'other') return 'pending'
    const seen = last === undefined ? undefined : seenOf(stage.record, last)
    const isAll = seen?.complete === true && seen.reached.pending + seen.others.envoys === 0
    return isAll ? 'all' : 'pending'
  }

  function reached({ revision, gateways }: RolloutQuestion): Reached {
    const each = [...gateways].map((gateway) => reachedAt(gateway, revision))
    return each.find((one) => one === 'reverted') ?? each.find((one) => one === 'pending') ?? 'all'
  }

  /** Resolves after the next look, or when the signal fires. */
  function nextLook(signal: AbortSignal): Promise<void> {
    const before = looks
    return settling.until(() => looks !== before, signal)
  }

  async function tryAct(gateway: string, action: Action): Promise<RolloutView | 'moved' | undefined> {
    const known = await exchange()
    const record = known.records.find((each) => each.gateway === gateway)
    if (record === undefined) return undefined
    const seen = seenOf(record, known)
    if (seen === undefined) return 'moved'
    const made = act(record, action, seen)
    if ('refused' in made) throw new WeirError('conflict', `${made.refused}; it cannot ${action}.`)
    return (await move(record, made)) ? view(made.to) : 'moved'
  }

  return {
    hint,
    follow: (listener) => void followers.add(listener),
    reached,
    async whenReached(question, signal) {
      await settling.until(() => reached(question) !== 'pending', signal)
      return reached(question)
    },
    views(gateways) {
      const wanted = staged().filter((gateway) => gateways?.has(gateway) !== false)
      return wanted.sort().map((gateway) => view(controller.stage(gateway)!.record))
    },
    async act(gateway, action) {
      const signal = AbortSignal.timeout(actMs)
      while (!signal.aborted) {
        const done = await tryAct(gateway, action)
        if (done !== 'moved') return done
        await nextLook(signal)
      }
      throw new WeirError('conflict', 'The rollout goes on moving; look again.')
    },
    async close() {
      closed = true
      clearInterval(timer)
      await ended()
      // The next one need not wait for the end of the lease.
      if (driving) await exchange(0).catch(() => undefined)
    },
  }
}
