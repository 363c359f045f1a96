import { readFileSync } from 'node:fs'
import type { RedisLink } from '../../ratelimit/stores/redis/link.ts'
import { scriptOf } from '../../ratelimit/stores/redis/scripts.ts'
import type { Admission, Call } from '../machine.ts'
import type { BreakerState, Micros, StateName } from '../state.ts'
import { noteText, readState, stateText } from '../state-text.ts'
import type { BreakerStore, Question, Reply } from '../store.ts'

/**
 * Breakers in Redis or Valkey, a key a cluster behind the fleet's `prefix`, which is also the name of the channel on which
 * transitions are told. Time is that of the server, unless a test has a clock.
 */
export function createRedisBreakerStore(options: {
  link: Pick<RedisLink, 'run'>
  prefix: string
  clock?: () => Micros
}): BreakerStore {
  const { link, prefix, clock } = options
  const script = scriptOf('breaker', readFileSync(new URL('../machine.lua', import.meta.url), 'utf8'))
  return {
    isLocal: false,
    async step(question) {
      const args = [clock?.() ?? '', prefix, ...argumentsOf(question)].map(String)
      return replyOf((await link.run(script, [prefix + question.cluster], args)).map(String))
    },
  }
}

/** What a store tells of a transition: the state before, the cluster, and the state after. */
export function readNews(
  text: string,
): { from: StateName; cluster: string; state: BreakerState } | undefined {
  const [, from, cluster, after] = /^(closed|open|half_open) (\S{1,253}) (.*)$/.exec(text) ?? []
  const state = readState(after ?? '')
  return state && { from: from as StateName, cluster: cluster!, state }
}

function argumentsOf({ cluster, numbers, known, call }: Question): (string | number)[] {
  const { errorRate, window, open, probes } = numbers
  const { reports = [], asks = [] } = call
  const words = reports.flatMap(({ generation, place = '', outcomes }) => [generation, place, outcomes])
  return [
    ...[cluster, known === undefined ? '' : stateText(known)],
    ...[errorRate, window, open, probes],
    ...handWords(call.hand),
    ...[reports.length, ...words, ...asks],
  ]
}

function handWords(hand: Call['hand']): [hold: string | Micros, note: string] {
  if (hand === undefined) return ['', '']
  const { note } = hand
  return [hand.to === 'closed' ? '-' : (hand.for ?? 'hand'), noteText(note)]
}

function replyOf([now, head, failures, length, from, ...admissions]: readonly string[]): Reply {
  const state = readState(`${head} -`)
  if (state === undefined) throw new Error(`a breaker has a state that cannot be read: ${head}`)
  return {
    now: Number(now),
    state,
    outcomes: { failures: Number(failures), of: Number(length) },
    from: from === '' ? undefined : (from as StateName),
    admissions: admissions.map((each): Admission => {
      return each === 'closed' || each === 'refused' ? each : Number(each)
    }),
  }
}
