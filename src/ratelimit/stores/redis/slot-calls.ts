import type { Micros } from '../../algorithms/algorithm.ts'
import { rowNumbers } from '../../algorithms/algorithm.ts'
import type { Hit, Taken } from '../counter-store.ts'
import { counterKey } from './counter-key.ts'
import { Replay, type Reply } from './replay.ts'
import { ScriptArguments } from './script-arguments.ts'
import type { ScriptName } from './scripts.ts'
import { TurnCalls } from './turn-calls.ts'

/** Microseconds for which a reservation may be given back: as `take.lua` has it. */
const reservedFor: Micros = 50_000

/** What a slot said of the hits that are there, and when it was asked, by the own clock. */
export interface SlotAnswer {
  readonly replay: Replay
  readonly askedAt: Micros
}

export interface SlotTaken extends SlotAnswer {
  readonly taken: Taken
  readonly reservation?: Reservation
}

/** What hits took of the counters of one slot, and what these were before. */
export interface Reservation {
  readonly id: number
  /** On the clock of the slot's node. */
  readonly until: Micros
  readonly counters: readonly {
    hit: Hit
    cost: number
    before: Float64Array
    /** The cost that was given back of the counter until then. */
    returned: number
  }[]
}

interface Asked<Answer> {
  readonly hits: readonly Hit[]
  resolve(answer: Answer): void
  reject(error: unknown): void
}

interface AskedToTake extends Asked<SlotTaken> {
  readonly isReserved: boolean
}

export interface SlotCallsOptions {
  run(name: ScriptName, call: ScriptArguments): Promise<Reply>
  together: ((calls: () => void) => void) | undefined
  own(): Micros
  /** A call that takes is made. */
  onCall(): void
}

/** Requests to slots. What one slot is asked in a turn of the loop goes in one call. */
export class SlotCalls {
  readonly #options: SlotCallsOptions
  readonly #taking: TurnCalls<AskedToTake>
  readonly #reading: TurnCalls<Asked<SlotAnswer>>

  constructor(options: SlotCallsOptions) {
    this.#options = options
    this.#taking = new TurnCalls((asked) => this.#take(asked), options.together)
    this.#reading = new TurnCalls((asked) => this.#read(asked), options.together)
  }

  /** Takes all enforced hits or none, then each in shadow. `isReserved`: what they take may be given back. */
  take(slot: number, hits: readonly Hit[], isReserved = false): Promise<SlotTaken> {
    return new Promise((resolve, reject) => {
      this.#taking.add(slot, { hits, isReserved, resolve, reject })
    })
  }

  /** The counters of the hits as they are. */
  read(slot: number, hits: readonly Hit[]): Promise<SlotAnswer> {
    return new Promise((resolve, reject) => this.#reading.add(slot, { hits, resolve, reject }))
  }

  async giveBack({ id, until, counters }: Reservation): Promise<void> {
    const call = new ScriptArguments()
    call.add(id, until, counters.length)
    for (const { hit, cost, before, returned } of counters) {
      call.addCounter(hit.counter, hit.rule, hit.policy)
      call.add(cost, ...before, returned)
    }
    await this.#options.run('give-back', call)
  }

  async #take(asked: readonly AskedToTake[]): Promise<void> {
    const { run, own, onCall } = this.#options
    try {
      const call = new ScriptArguments()
      call.add(asked.length)
      for (const { hits } of asked) {
        call.add(hits.length)
        for (const hit of hits) call.addHit(hit)
      }
      const reserved = asked.flatMap(({ isReserved }, index) => (isReserved ? [index + 1] : []))
      call.add(reserved.length, ...reserved)
      onCall()
      const askedAt = own()
      const reply = await run('take', call)
      const replay = new Replay(reply)
      const answers = asked.map(({ hits, isReserved }, index): SlotTaken => {
        const before = isReserved ? statesOf(hits, replay) : []
        const taken = replay.decide(hits, true)
        if (taken.admitted !== (reply.said[index] === '1')) throw new Error('the script decided otherwise')
        if (!isReserved || !taken.admitted) return { taken, replay, askedAt }
        replay.reserve(hits)
        return { taken, replay, askedAt, reservation: reservationOf(before, replay.now) }
      })
      for (const [index, { resolve }] of asked.entries()) resolve(answers[index]!)
    } catch (error) {
      if (asked.length > 1 && isMoving(error)) for (const each of asked) void this.#take([each])
      else for (const { reject } of asked) reject(error)
    }
  }

  async #read(asked: readonly Asked<SlotAnswer>[]): Promise<void> {
    try {
      const call = new ScriptArguments()
      for (const { hits } of asked) for (const hit of hits) call.addHit(hit)
      const askedAt = this.#options.own()
      const replay = new Replay(await this.#options.run('read', call))
      for (const { resolve } of asked) resolve({ replay, askedAt })
    } catch (error) {
      if (asked.length > 1 && isMoving(error)) for (const each of asked) void this.#read([each])
      else for (const { reject } of asked) reject(error)
    }
  }
}

type Before = Reservation['counters'][number]

/** What the hits are about to take, by counter. */
function statesOf(hits: readonly Hit[], replay: Replay): Before[] {
  const all = new Map<string, Before>()
  for (const hit of hits) {
    const { counter, rule, former } = hit
    const key = counterKey(counter, rule.algorithm)
    const known = all.get(key)
    if (known !== undefined) {
      known.cost += hit.cost
      continue
    }
    const before = new Float64Array(rowNumbers)
    rule.pack(rule.at(replay.state(counter, rule, former), replay.now), before, 0)
    all.set(key, { hit, cost: hit.cost, before, returned: replay.returned(counter, rule) })
  }
  return [...all.values()]
}

function reservationOf(counters: readonly Before[], now: Micros): Reservation {
  return { id: Math.floor(Math.random() * Number.MAX_SAFE_INTEGER), until: now + reservedFor, counters }
}

/** The slot is on its way to another node, and some of the keys are there: by itself each would be found. */
function isMoving(error: unknown): boolean {
  return error instanceof Error && error.message.includes('TRYAGAIN')
}
