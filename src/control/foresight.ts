import type { Live } from '../compile/live.ts'
import type { State } from '../model/state.ts'
import { preview } from './preview.ts'
import { reductionsBetween, type Transition } from './reductions.ts'

/** What a write would mean, by what is known now besides it. */
export function foresee(live: () => Live) {
  return {
    preview: (before: State, after: State, gateways: ReadonlySet<string>) =>
      preview(before, after, gateways, live()),
    reductions: (transition: Transition, concerned: () => ReadonlySet<string>) =>
      reductionsBetween(transition, concerned, live()),
  }
}
