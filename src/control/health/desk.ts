import { randomUUID } from 'node:crypto'
import { WeirError } from '../../errors.ts'
import type { ClusterHealth, EnvoyHealth, FleetHealth } from '../../model/cluster-health.ts'
import type { HealthAnswer, HealthAnswers } from '../../model/health-answers.ts'
import type { Observe } from '../../observe.ts'
import type { FleetItem } from '../../xds/fleet-item.ts'
import type { Controller } from '../controller.ts'
import { createSettling } from '../settling.ts'
import { type ClusterFacts, factsOf } from './facts.ts'
import { type Heard, type HeardHealth, silentMs, type Teller } from './heard.ts'
import { envoyHealth, type Member, timeOf, troubleOf, worstOf } from './view.ts'
import { type Answer, maxWords, merged, type Word, wordOf } from './word.ts'

/** For so long another replica's answer is waited for. Milliseconds. */
const answerMs = 1_000
/** Clusters that one answer about the whole fleet lists. */
const maxAilments = 1_000

export interface HealthOptions {
  /** This replica, as the fleet names it. */
  name: string
  heard: HeardHealth
  fleet: () => readonly FleetItem[]
  controller: Pick<Controller, 'made' | 'gateways'>
  table: HealthAnswers
  /** The state of each endpoint of a cluster, by address, of an Envoy that can be asked; of all others nothing. */
  hosts(item: FleetItem, cluster: string): Promise<ReadonlyMap<string, string> | undefined>
  observe: Observe
  now?: () => number
}

export interface HealthDesk {
  /** How a cluster is, as the Envoys of all replicas that have it see it. */
  cluster(name: string): Promise<ClusterHealth>
  /** What is amiss with any cluster. */
  ailments(): Promise<FleetHealth>
  /** Another replica asks: a question as JSON. */
  asked(question?: string): void
  /** A question was answered. */
  told(question?: string): void
}

type Asked = Answer & { readonly missing: readonly string[] }

/**
 * Envoys tell their stats to whichever replica it is that time, so that none knows all: who is asked asks all others,
 * through the database, and puts together what they know. Nothing is exchanged while nobody asks.
 */
export function createHealthDesk(options: HealthOptions): HealthDesk {
  const { name, heard, fleet, controller, table, hosts, observe, now = () => performance.now() } = options
  const settling = createSettling()
  /** Questions of this replica that were answered since they were last looked at. */
  const answered = new Set<string>()
  const open = new Set<string>()
  const underWay = new Map<string, Promise<Asked>>()

  const resourcesOf = (gateway: string) => controller.made(gateway)?.compiled.resources
  const facts = (gateway: string, cluster: string) => factsOf(resourcesOf(gateway), cluster)

  /** What this replica knows by itself. */
  async function own(cluster: string | undefined): Promise<Answer> {
    const at = now()
    const items = byKey(fleet())
    const known = heard.of(cluster).filter((each) => cluster !== undefined || isAmiss(each, facts))
    const words = await Promise.all(
      known.slice(0, maxWords).map(async (each) => {
        const item = items.get(keyOf(each))
        // One that answers for all of its clusters at once is not asked for each of them.
        const asked = item === undefined || cluster === undefined ? undefined : await hosts(item, cluster)
        return wordOf(each, at, asked)
      }),
    )
    const voices = heard.heardAt().map(({ at: last, ...who }) => ({ ...who, age: Math.round(at - last) }))
    return { words, heard: voices, more: Math.max(0, known.length - maxWords) }
  }

  function isAmiss(
    each: Heard,
    facts: (gateway: string, cluster: string) => ClusterFacts | undefined,
  ): boolean {
    const known = facts(each.gateway, each.cluster)
    if (known === undefined) return false
    const trouble = troubleOf(envoyHealth(each, wordOf(each, now()), known, 0))
    return trouble !== undefined && trouble !== 'healthy'
  }

  async function others(
    cluster: string | undefined,
  ): Promise<{ answers: HealthAnswer[]; missing: string[] }> {
    const id = randomUUID()
    open.add(id)
    const answers: HealthAnswer[] = []
    const signal = AbortSignal.timeout(answerMs)
    try {
      const question = { id, from: name, ...(cluster !== undefined && { cluster }) }
      const asked = await within(signal, table.ask(question))
      const missing = () => asked.filter((each) => !answers.some(({ replica }) => replica === each))
      while (missing().length > 0 && !signal.aborted) {
        await settling.until(() => answered.has(id), signal)
        answered.delete(id)
        answers.push(...(await within(signal, table.read(id))))
      }
      return { answers, missing: missing() }
    } catch (error) {
      // That the database is away is told by the feed.
      const isAway = error instanceof WeirError && error.code === 'unavailable'
      if (!isAway) observe({ event: 'failed', where: 'health of clusters', error })
      return { answers, missing: ['the other replicas, since the database is away'] }
    } finally {
      open.delete(id)
      answered.delete(id)
    }
  }

  async function askAll(cluster: string | undefined): Promise<Asked> {
    const [mine, { answers, missing }] = await Promise.all([own(cluster), others(cluster)])
    const all = [mine, ...answers.map(({ answer }) => readAnswer(answer))]
    return {
      words: all.flatMap(({ words }) => words),
      heard: all.flatMap(({ heard }) => heard),
      more: all.reduce((sum, { more }) => sum + more, 0),
      missing,
    }
  }

  /** Who asks the same at the same time gets the same answer. */
  function ask(cluster: string | undefined): Promise<Asked> {
    const key = JSON.stringify([cluster])
    const asking =
      underWay.get(key) ??
      askAll(cluster).finally(() => {
        underWay.delete(key)
      })
    underWay.set(key, asking)
    return asking
  }

  async function answer(text: string): Promise<void> {
    try {
      const { id, from, cluster } = JSON.parse(text) as { id: string; from: string; cluster?: string }
      if (from !== name) await table.tell(id, { replica: name, answer: await own(cluster) })
    } catch (error) {
      const isAway = error instanceof WeirError && error.code === 'unavailable'
      if (!isAway) observe({ event: 'failed', where: 'health of clusters', error })
    }
  }

  return {
    async cluster(cluster) {
      const { words, missing } = await ask(cluster)
      const at = Date.now()
      const byEnvoy = Map.groupBy(words, keyOf)
      const gateways = controller.gateways().filter((gateway) => facts(gateway, cluster) !== undefined)
      const members = membersOf(fleet(), gateways, byEnvoy)
      const envoys = members.map((member) => {
        const said = byEnvoy.get(keyOf(member))
        return envoyHealth(member, said && merged(said), facts(member.gateway, cluster)!, at)
      })
      const state = worstOf(envoys)
      const why = whyOf(gateways, envoys, state) ?? missingText(missing)
      return { cluster, at: timeOf(at), state, ...(why !== undefined && { why }), envoys }
    },
    async ailments() {
      const { words, heard: voices, more, missing } = await ask(undefined)
      const at = Date.now()
      const newest = newestBy(voices)
      const items = byKey(fleet())
      const found = [...Map.groupBy(words, (word) => JSON.stringify([keyOf(word), word.cluster])).values()]
        .map(merged)
        // Who heard the Envoy later and says nothing of the cluster finds nothing amiss.
        .filter(
          (word) => word.asked !== undefined || word.age <= (newest.get(keyOf(word)) ?? 0) + simultaneousMs,
        )
        .flatMap((word) => {
          const [item, known] = [items.get(keyOf(word)), facts(word.gateway, word.cluster)]
          if (item === undefined || known === undefined) return []
          const health = envoyHealth(memberOf(item), word, known, at)
          const trouble = troubleOf(health)
          return trouble === undefined || trouble === 'healthy' ? [] : [{ cluster: word.cluster, ...health }]
        })
        .sort((a, b) => (a.cluster < b.cluster ? -1 : a.cluster > b.cluster ? 1 : 0))
      const silent = fleet()
        .filter(({ state, connectedAt }) => state === 'connected' && Date.parse(connectedAt) < at - silentMs)
        .filter((item) => (newest.get(keyOf(item)) ?? Number.POSITIVE_INFINITY) > silentMs)
        .map(({ gateway, id }) => ({ gateway, id }))
      const why = missingText(missing)
      return {
        at: timeOf(at),
        ailments: found.slice(0, maxAilments),
        more: more + Math.max(0, found.length - maxAilments),
        silent,
        ...(why !== undefined && { why }),
      }
    },
    asked: (question) => {
      if (question !== undefined && question !== '') void answer(question)
    },
    told: (question) => {
      if (question === undefined || !open.has(question)) return
      answered.add(question)
      settling.changed()
    },
  }
}

/** A database that hangs is as good as one that is away. */
function within<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new WeirError('unavailable', 'The database does not answer in time.'))
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    work.then(resolve, reject)
  })
}

/** Two messages of one flush, or two clocks that are read one after the other. */
const simultaneousMs = 1_000

function newestBy(voices: readonly (Teller & { age: number })[]): Map<string, number> {
  const newest = new Map<string, number>()
  for (const { age, ...who } of voices) {
    newest.set(keyOf(who), Math.min(age, newest.get(keyOf(who)) ?? Number.POSITIVE_INFINITY))
  }
  return newest
}

/** An Envoy without a stream is shown for so long after it was heard last. Milliseconds. */
const leftMs = 60_000

/** Connected Envoys of these gateways, and those without a stream that were heard lately. */
function membersOf(
  items: readonly FleetItem[],
  gateways: readonly string[],
  words: ReadonlyMap<string, readonly Word[]>,
): Member[] {
  const those = items.filter((item) => {
    const isHeard = words.get(keyOf(item))?.some(({ age }) => age <= leftMs) === true
    return (
      gateways.includes(item.gateway) && (item.state === 'connected' || item.state === 'unknown' || isHeard)
    )
  })
  return [...byKey(those).values()].map(memberOf)
}

function memberOf({ gateway, id, replica }: FleetItem): Member {
  return { gateway, id, replica }
}

function whyOf(
  gateways: readonly string[],
  envoys: readonly EnvoyHealth[],
  state: ClusterHealth['state'],
): string | undefined {
  if (gateways.length === 0) return 'no route of a gateway forwards to it, so that no Envoy has it'
  if (envoys.length === 0) return `no Envoy of ${gateways.join(', ')} is connected`
  if (state !== 'unknown') return undefined
  return 'none of the Envoys that have it tells anything of it now'
}

function missingText(missing: readonly string[]): string | undefined {
  return missing.length === 0 ? undefined : `not answered in time: ${missing.join(', ')}`
}

function keyOf({ gateway, id }: Teller): string {
  return JSON.stringify([gateway, id])
}

function byKey(items: readonly FleetItem[]): Map<string, FleetItem> {
  return new Map(items.map((item) => [keyOf(item), item]))
}

/** Of a replica of another version, perhaps. */
function readAnswer(answer: unknown): Answer {
  const { words = [], heard = [], more = 0 } = answer as Partial<Answer>
  return { words, heard, more }
}
