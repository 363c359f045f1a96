import { step } from '../machine.ts'
import { type BreakerState, failuresIn, type Micros } from '../state.ts'
import type { BreakerStore, Reply } from '../store.ts'

export interface MemoryBreakerStore extends BreakerStore {
  step(question: Parameters<BreakerStore['step']>[0]): Reply
  /** All states, and states that take their place: for a restart. */
  states: Map<string, BreakerState>
}

/** The breakers of this process alone. There are as many as clusters were written. */
export function createMemoryBreakerStore(clock: () => Micros): MemoryBreakerStore {
  const states = new Map<string, BreakerState>()
  return {
    isLocal: true,
    states,
    step({ cluster, numbers, known, call }) {
      const now = clock()
      const { state, from, isChanged, admissions } = step(states.get(cluster), known, numbers, call, now)
      if (isChanged) states.set(cluster, state)
      const outcomes = { failures: failuresIn(state.ring), of: state.ring.length }
      return { now, state: { ...state, ring: '' }, outcomes, from, admissions }
    },
  }
}
