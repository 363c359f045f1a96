import type { Resources } from '../envoy-api/types.ts'
import type { State } from '../model/state.ts'
import { createCompiler } from './compiler.ts'
import type { Live } from './live.ts'
import type { Provenance } from './provenance.ts'

/** Something of the state that Envoy cannot be given, named by its row. */
export interface CompileProblem {
  kind: string
  name: string
  message: string
}

/** All that follows from a state for one gateway. */
export interface Compiled {
  resources: Resources
  problems: CompileProblem[]
  provenance: Provenance
}

/**
 * Compiles a state into the resources of one gateway's Envoys.
 * The gateway must be in the state. Pure: no clock, no I/O, no randomness; equal arguments give equal results on every replica.
 */
export function compile(state: State, gateway: string, live: Live): Compiled {
  return createCompiler(gateway)(state, live)
}
