import type { Micros } from '../../algorithms/algorithm.ts'
import type { BoundRule } from '../../algorithms/bound-rule.ts'
import type { CounterId } from '../../identity/counter-id.ts'
import { carried } from '../carried.ts'
import type { Former, Hit, Taken } from '../counter-store.ts'
import { begin, findTouched, judge, type Touched } from '../judge.ts'
import { counterKey } from './counter-key.ts'
import { type Row, readRow, stateOf } from './row.ts'

/** What a script answered: its time, what it said, and the counters as they were before. */
export interface Reply {
  readonly now: Micros
  readonly said: string
  readonly rows: ReadonlyMap<string, Row>
}

/** `[seconds, microseconds, said, value of KEYS[1], ...]`, all of them bytes. Throws for anything else. */
export function readReply(keys: readonly string[], answer: readonly Buffer[]): Reply {
  const [seconds, microseconds, said, ...values] = answer
  if (values.length !== keys.length) throw new Error('a script answered with another number of counters')
  const rows = new Map<string, Row>()
  for (let index = 0; index < keys.length; index++) {
    const row = readRow(values[index]!)
    if (row !== undefined) rows.set(keys[index]!, row)
  }
  return { now: Number(seconds) * 1_000_000 + Number(microseconds), said: String(said), rows }
}

/**
 * The counters of a reply, over which the requests of its call are decided once more, in their order: the scripts say
 * whether each was admitted; what else clients and people are told follows from the same steps here.
 */
export class Replay {
  readonly #rows: ReadonlyMap<string, Row>
  readonly #states = new Map<string, unknown>()
  readonly #reserved = new Set<string>()
  readonly now: Micros

  constructor({ now, rows }: Reply) {
    this.now = now
    this.#rows = rows
  }

  decide(hits: readonly Hit[], taking: boolean): Taken {
    const touch = (hit: Hit, met: Touched[]) =>
      findTouched(met, hit.counter) ??
      begin(hit, hit.counter, this.state(hit.counter, hit.rule, hit.former), met)
    const { taken, touched } = judge({ hits, now: this.now, taking, touch })
    if (taking) {
      for (const { id, after, hit } of touched) this.#states.set(counterKey(id, hit.rule.algorithm), after)
    }
    return taken
  }

  /** Whether nothing of a counter may be given back: its usage only falls with time. */
  isSettled(counter: CounterId, rule: BoundRule): boolean {
    const key = counterKey(counter, rule.algorithm)
    return !this.#reserved.has(key) && (this.#rows.get(key)?.reservedUntil ?? 0) <= this.now
  }

  /** The cost that was given back of a counter while something of it may be. */
  returned(counter: CounterId, rule: BoundRule): number {
    const row = this.#rows.get(counterKey(counter, rule.algorithm))
    return row !== undefined && row.reservedUntil > this.now ? row.returned : 0
  }

  /** What the hits took may be given back. */
  reserve(hits: readonly Hit[]): void {
    for (const { counter, rule } of hits) this.#reserved.add(counterKey(counter, rule.algorithm))
  }

  /** A counter's state as the requests so far left it, or as it would be carried over; nothing where it is idle. */
  state(counter: CounterId, rule: BoundRule, former?: () => readonly Former[]): unknown {
    const key = counterKey(counter, rule.algorithm)
    if (this.#states.has(key)) return this.#states.get(key)
    return (
      this.#kept(counter, rule) ??
      carried(former?.() ?? [], (each) => this.#kept(each.counter, each.rule))?.state
    )
  }

  #kept(counter: CounterId, rule: BoundRule): unknown {
    const row = this.#rows.get(counterKey(counter, rule.algorithm))
    return row === undefined ? undefined : stateOf(row, rule)
  }
}
