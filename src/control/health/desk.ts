import type { ClusterHealth, EnvoyHealth, EnvoysAilments } from '../../model/cluster-health.ts'
import type { HealthAnswers } from '../../model/health-answers.ts'
import type { Observe } from '../../observe.ts'
import type { FleetItem } from '../../xds/fleet-item.ts'
import type { Controller } from '../controller.ts'
import { timeOf } from '../fleet-events.ts'
import { createHealthExchange, type HealthExchange } from './exchange.ts'
import { factsOf } from './facts.ts'
import { type Heard, type HeardHealth, silentMs, type Teller } from './heard.ts'
import { envoyHealth, type Member, troubleOf, worstOf } from './view.ts'
import { type Answer, maxWords, merged, type Word, withoutTooMany, wordOf } from './word.ts'

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

export interface HealthDesk extends Pick<HealthExchange, 'asked' | 'told'> {
  /** How a cluster is, as the Envoys of all replicas that have it see it. */
  cluster(name: string): Promise<ClusterHealth>
  /** What is amiss with any cluster. */
  ailments(): Promise<EnvoysAilments>
}

/** Puts together what the replicas heard, and what is written of the clusters. */
export function createHealthDesk(options: HealthOptions): HealthDesk {
  const { name, heard, fleet, controller, table, hosts, observe, now = () => performance.now() } = options
  const resourcesOf = (gateway: string) => controller.made(gateway)?.compiled.resources
  const facts = (gateway: string, cluster: string) => factsOf(resourcesOf(gateway), cluster)

  /** What this replica knows by itself. */
  async function own(cluster: string | undefined): Promise<Answer> {
    const at = now()
    const items = byKey(fleet())
    const known = heard.of(cluster).filter((each) => cluster !== undefined || isAmiss(each))
    const words = await Promise.all(
      known.slice(0, maxWords).map(async (each) => {
        const item = items.get(keyOf(each))
        // One that answers for all of its clusters at once is not asked for each of them.
        const asked = item === undefined || cluster === undefined ? undefined : await hosts(item, cluster)
        return wordOf(each, at, asked)
      }),
    )
    const voices = heard.heardAt().map(({ at: last, ...who }) => ({ ...who, age: Math.round(at - last) }))
    return { words: withoutTooMany(words), heard: voices, more: Math.max(0, known.length - maxWords) }
  }

  function isAmiss(each: Heard): boolean {
    const known = looksAmiss(each) ? facts(each.gateway, each.cluster) : undefined
    return known !== undefined && isTrouble(envoyHealth(each, wordOf(each, now()), known, 0))
  }

  const { ask, asked, told } = createHealthExchange({ name, table, own, observe })

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
      const found = newestWords(words, newest).flatMap((word) => {
        const [item, known] = [items.get(keyOf(word)), facts(word.gateway, word.cluster)]
        if (item === undefined || known === undefined) return []
        const health = envoyHealth(memberOf(item), word, known, at)
        return isTrouble(health) ? [{ cluster: word.cluster, ...health }] : []
      })
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
    asked,
    told,
  }
}

/** Two messages of one flush, or two clocks that are read one after the other. */
const simultaneousMs = 1_000

/** One of each cluster of each Envoy, by cluster; not those after which another replica heard that nothing is amiss. */
function newestWords(words: readonly Word[], heardAt: ReadonlyMap<string, number>): Word[] {
  return [...Map.groupBy(words, (word) => JSON.stringify([keyOf(word), word.cluster])).values()]
    .map(merged)
    .filter((word) => word.age <= (heardAt.get(keyOf(word)) ?? 0) + simultaneousMs)
    .sort((a, b) => (a.cluster < b.cluster ? -1 : a.cluster > b.cluster ? 1 : 0))
}

/** For most clusters it is plain that nothing is. */
function looksAmiss({ gauges }: Heard): boolean {
  const { membership_total: total = 0, membership_healthy: healthy = 0 } = gauges
  const isFull = Object.entries(gauges).some(([name, value]) => name.endsWith('_open') && value > 0)
  return healthy < total || total === 0 || isFull
}

function isTrouble(health: EnvoyHealth): boolean {
  const trouble = troubleOf(health)
  return trouble !== undefined && trouble !== 'healthy'
}

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
