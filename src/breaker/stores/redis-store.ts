import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { breakerKey } from '../../ratelimit/stores/redis/counter-key.ts'
import type { RedisLink } from '../../ratelimit/stores/redis/link.ts'
import type { Script } from '../../ratelimit/stores/redis/scripts.ts'
import type { Admission, Call } from '../machine.ts'
import type { Micros, StateName } from '../state.ts'
import { noteText, readState, stateText } from '../state-text.ts'
import type { BreakerStore, Question, Reply } from '../store.ts'

/** Breakers in Redis or Valkey, a key a cluster. Time is that of the server, unless a test has a clock. */
export function createRedisBreakerStore(link: Pick<RedisLink, 'run'>, clock?: () => Micros): BreakerStore {
  const text = readFileSync(new URL('../machine.lua', import.meta.url), 'utf8')
  const script: Script = { name: 'breaker', text, sha: createHash('sha1').update(text).digest('hex') }
  return {
    async step(question) {
      const answer = await link.run(script, [breakerKey(question.cluster)], argumentsOf(question, clock?.()))
      return replyOf(answer.map(String))
    },
  }
}

function argumentsOf({ cluster, numbers, known, call }: Question, clock: Micros | undefined): string[] {
  const { errorRate, window, open, probes } = numbers
  const { reports = [], asks = [] } = call
  const words = reports.flatMap(({ generation, place = '', outcomes }) => [generation, place, outcomes])
  return [
    ...[clock ?? '', cluster, known === undefined ? '' : stateText(known)],
    ...[errorRate, window, open, probes],
    ...handWords(call.hand),
    ...[reports.length, ...words, ...asks],
  ].map(String)
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
