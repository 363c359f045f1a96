import type { Micros } from '../../algorithms/algorithm.ts'
import { memoKey } from '../redis/counter-key.ts'
import type { RedisLink } from '../redis/link.ts'
import { ScriptArguments } from '../redis/script-arguments.ts'
import type { Script } from '../redis/scripts.ts'
import { type Alone, packed, type Target } from './alone.ts'

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

/** Adds what this replica admitted by itself to a counter in the store; once, however often it is called. */
export async function merge(
  { link, script, id, graceMs, clock }: MergeOptions,
  { policy, counter, rule, former }: Target,
  alone: Alone,
): Promise<void> {
  const call = new ScriptArguments()
  call.add(id, alone.sequence)
  call.addCounter(counter, rule, policy)
  call.addKey(memoKey(counter, rule.algorithm), policy)
  call.addRule(alone.share)
  call.add(...packed(alone))
  call.addFormer(former?.() ?? [], policy)
  await link.run(script, call.names, call.list(clock?.() ?? '', graceMs))
}
