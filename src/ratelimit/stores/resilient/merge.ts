import type { Micros } from '../../algorithms/algorithm.ts'
import type { Hit } from '../counter-store.ts'
import { memoKey } from '../redis/counter-key.ts'
import type { RedisLink } from '../redis/link.ts'
import { ScriptArguments } from '../redis/script-arguments.ts'
import type { Script } from '../redis/scripts.ts'
import { type Alone, packed } from './ledger.ts'

export interface MergeOptions {
  link: RedisLink
  script: Script
  /** This replica. */
  id: string
  /** Milliseconds for which an idle counter stays. */
  graceMs: number
  /** Reads another clock than the store's own; for tests. */
  clock?: () => Micros
}

/** Adds what this replica admitted by itself to the hit's counter in the store; once, however often it is called. */
export async function merge(
  { link, script, id, graceMs, clock }: MergeOptions,
  hit: Hit,
  alone: Alone,
): Promise<void> {
  const call = new ScriptArguments()
  call.add(id, alone.sequence)
  call.addCounter(hit.counter, hit.rule, hit.policy)
  call.addKey(memoKey(hit.counter, hit.rule.algorithm), hit.policy)
  call.addRule(alone.share)
  call.add(...packed(alone))
  call.addFormer(hit.former?.() ?? [], hit.policy)
  await link.run(script, call.names, call.list(clock?.() ?? '', graceMs))
}
