import { addedCounts, type Counts, type Gauges } from '../../xds/cluster-stats.ts'
import type { EndpointWord, Heard, Teller } from './heard.ts'

/** What a replica knows of one cluster of one Envoy, as it tells others. Ages are in milliseconds. */
export interface Word extends Teller {
  readonly cluster: string
  readonly age: number
  /** For how long it has counted. */
  readonly countedFor: number
  readonly gauges: Gauges
  readonly counts: Counts
  readonly endpoints?: Readonly<Record<string, EndpointWord>>
  /** What the Envoy's admin interface says now, where this replica can ask it. */
  readonly asked?: Readonly<Record<string, string>>
}

/** Everything that a replica answers to a question. */
export interface Answer {
  readonly words: readonly Word[]
  /** When each Envoy was heard last, of all. */
  readonly heard: readonly (Teller & { readonly age: number })[]
  /** Words beyond the bound. */
  readonly more: number
}

/** Words that one replica answers with at most. */
export const maxWords = 10_000

export function wordOf(heard: Heard, now: number, asked?: ReadonlyMap<string, string>): Word {
  const { gateway, id, cluster, at, since, gauges, counts, endpoints } = heard
  return {
    ...{ gateway, id, cluster, gauges, counts },
    ...{ age: Math.round(now - at), countedFor: Math.round(now - since) },
    ...(endpoints !== undefined && { endpoints: Object.fromEntries(endpoints) }),
    ...(asked !== undefined && { asked: Object.fromEntries(asked) }),
  }
}

/** Endpoints that one replica tells of in an answer at most: some megabytes. */
export const maxEndpoints = 50_000

/** Where there are more endpoints than that, only those that get no requests are told, and of these so many. */
export function withoutTooMany(words: readonly Word[], most: number = maxEndpoints): readonly Word[] {
  const count = ({ endpoints }: Word) => (endpoints === undefined ? 0 : Object.keys(endpoints).length)
  if (words.reduce((sum, word) => sum + count(word), 0) <= most) return words
  let left = most
  return words.map((word) => {
    const { endpoints, ...rest } = word
    if (endpoints === undefined) return word
    const leftAlone = Object.entries(endpoints).filter(([, said]) => said !== 'healthy')
    if (leftAlone.length > left) return rest
    left -= leftAlone.length
    return { ...rest, endpoints: Object.fromEntries(leftAlone) }
  })
}

/** The words of several replicas of one cluster of one Envoy as one: the newest one's, and what each of them counted. */
export function merged(words: readonly Word[]): Word {
  const [newest, ...others] = words.toSorted((a, b) => a.age - b.age)
  const counts = words.map((word) => word.counts).reduce(addedCounts)
  const asked = words.find((word) => word.asked !== undefined)?.asked
  const endpoints =
    newest!.endpoints &&
    Object.fromEntries(
      Object.entries(newest!.endpoints).map(([address, word]) => {
        return [address, word === 'unhealthy' ? better(others, address) : word]
      }),
    )
  const countedFor = Math.min(...words.map((word) => word.countedFor))
  return {
    ...newest!,
    ...{ counts, countedFor },
    ...(endpoints !== undefined && { endpoints }),
    ...(asked !== undefined && { asked }),
  }
}

/** Another replica may have heard which came first. */
function better(others: readonly Word[], address: string): EndpointWord {
  const words = others.flatMap(({ endpoints }) => endpoints?.[address] ?? [])
  return words.find((word) => word !== 'healthy' && word !== 'unhealthy') ?? 'unhealthy'
}
