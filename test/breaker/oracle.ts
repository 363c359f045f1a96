import type { Admission, Call, Numbers } from '../../src/breaker/machine.ts'

/** The time between two transitions, with all that was ever heard in it. */
interface Era {
  readonly name: 'closed' | 'open' | 'half_open'
  readonly generation: number
  readonly began: number
  readonly heldUntil: number | undefined
  readonly outcomes: boolean[]
  readonly probes: { id: number; dies: number; isLost: boolean; said: '0' | '1' | 'a' | undefined }[]
}

/**
 * The rules of the breaker told another way: each question looks at all that was heard, of which nothing is forgotten but
 * outcomes that were beyond the window when a later one came. Time goes on, and nothing is lost.
 */
export class PlainBreaker {
  readonly eras: Era[] = []
  #ids = 0

  get era(): Era {
    return this.eras.at(-1)!
  }

  step(numbers: Numbers, { hand, reports = [], asks = [] }: Call, now: number): Admission[] {
    if (this.eras.length === 0) this.#begin('closed', now)
    if (hand?.to === 'open') {
      const until = hand.for === undefined ? Number.POSITIVE_INFINITY : now + hand.for
      this.#begin('open', now, until)
    } else if (hand !== undefined) {
      if (this.era.name !== 'closed') this.#begin('closed', now)
    } else if (this.era.name === 'open' && now >= (this.era.heldUntil ?? this.era.began + numbers.open)) {
      this.#begin('half_open', now)
    }
    for (const { generation, place, outcomes } of reports) {
      for (const outcome of outcomes) this.#hear(numbers, generation, place, outcome, now)
    }
    return asks.map((life) => this.#ask(numbers, life, now))
  }

  #begin(name: Era['name'], now: number, heldUntil?: number): void {
    const before = this.eras.at(-1)?.generation
    const generation = before === undefined || now > before ? now : before + 1
    this.eras.push({ name, generation, began: now, heldUntil, outcomes: [], probes: [] })
  }

  #hear(numbers: Numbers, generation: number, place: number | undefined, outcome: string, now: number): void {
    const { era } = this
    if (era.generation !== generation) return
    if (era.name === 'closed' && place === undefined && outcome !== 'a') {
      era.outcomes.push(outcome === '1')
      const last = era.outcomes.splice(-numbers.window)
      era.outcomes.splice(0, Number.POSITIVE_INFINITY, ...last)
      const failed = last.filter((each) => each).length
      if (last.length === numbers.window && failed / numbers.window > numbers.errorRate / 100)
        this.#begin('open', now)
    }
    if (era.name !== 'half_open' || place === undefined) return
    const probe = era.probes.find(({ id, isLost, said }) => id === place && !isLost && said === undefined)
    if (probe === undefined) return
    probe.said = outcome as '0' | '1' | 'a'
    if (outcome === '1') this.#begin('open', now)
    else if (era.probes.filter(({ said }) => said === '0').length >= numbers.probes && outcome === '0')
      this.#begin('closed', now)
  }

  #ask({ probes: most }: Numbers, life: number, now: number): Admission {
    const { era } = this
    if (era.name !== 'half_open') return era.name === 'closed' ? 'closed' : 'refused'
    for (;;) {
      const underWay = era.probes.filter(({ isLost, said }) => !isLost && said === undefined)
      if (underWay.length < most) break
      const dead = underWay.filter(({ dies }) => dies <= now)
      if (dead.length === 0) return 'refused'
      const first = dead.reduce((one, other) => {
        if (other.dies !== one.dies) return other.dies < one.dies ? other : one
        return other.id < one.id ? other : one
      })
      first.isLost = true
    }
    this.#ids = now > this.#ids ? now : this.#ids + 1
    era.probes.push({ id: this.#ids, dies: now + life, isLost: false, said: undefined })
    return this.#ids
  }
}
