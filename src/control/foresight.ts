import type { Live } from '../compile/live.ts'
import type { State } from '../model/state.ts'
import { preview } from './preview.ts'
import { reductionsBetween, type Transition } from './reductions.ts'

/** What a write would mean, by what is known now besides it; `asDelivered` gives a state as the Envoys get it. */
export function foresee(live: () => Live, asDelivered: (state: State) => State) {
  return {
    preview: (before: State, after: State, gateways: ReadonlySet<string>) =>
      preview(asDelivered(before), asDelivered(after), gateways, live()),
    reductions: (transition: Transition, concerned: () => ReadonlySet<string>) =>
      reductionsBetween(transition, concerned, live()),
  }
}
