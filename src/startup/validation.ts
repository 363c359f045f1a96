import { runtime } from '../bootstrap/bootstrap.ts'
import { createValidation, type ValidationOptions } from '../control/validation.ts'
import { startupError } from '../errors.ts'
import { envoyProgram } from '../local/envoy-binary.ts'
import { createEnvoyCheck } from '../local/envoy-check.ts'
import { findProgram } from '../local/program.ts'
import type { State } from '../model/state.ts'
import { kinds } from '../policies/index.ts'
import type { StartContext } from './start-context.ts'

/**
 * The Envoy of this machine that is asked about writes, if there is one and WEIR_VALIDATE wants it. `asDelivered` gives a
 * state as the fleet gets it: what is held back already is no fault of a new write.
 */
export async function openValidation(
  { settings }: Pick<StartContext, 'settings'>,
  { live, asDelivered }: Pick<ValidationOptions, 'live'> & { asDelivered(state: State): State },
) {
  const { validate: mode, envoyBin: given, dataDir } = settings
  if (mode === 'off') return {}
  const found = findProgram(envoyProgram, { given, path: process.env.PATH, dataDir })
  // Who only asks in dry runs need not wait for it: an Envoy takes seconds to say what it is on a busy machine.
  if (mode === 'writes' && (await found).found === undefined) {
    const what = 'WEIR_VALIDATE=writes needs an Envoy on this machine, and there is none.'
    throw startupError(what, 'Set ENVOY_BIN, or run `weir envoy install`.')
  }
  const check = found.then(({ found }) => {
    if (found === undefined) return undefined
    const { ask } = createEnvoyCheck({ binary: found.path, dataDir })
    return createValidation({ ask, kinds, runtime, live })
  })
  return {
    validate: async (before: State, after: State, gateways: ReadonlySet<string>) => {
      const validate = await check
      return validate?.(asDelivered(before), asDelivered(after), gateways)
    },
    validatesWrites: mode === 'writes',
  }
}
