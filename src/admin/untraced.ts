import type { Warning } from '../model/pending.ts'
import type { Validation } from './context.ts'

/** What an Envoy that was asked first refuses for no row that could be told; it hinders no write. */
export function untracedWarnings(validation: Validation | undefined): Warning[] {
  return (validation?.untraced ?? []).map(({ gateway, error }) => ({
    ...{ kind: 'Gateway', name: gateway, pointer: '' },
    message: `Envoy refuses what it would get, and no row was found that is to blame: ${error}`,
    effect:
      'what its Envoys refuse is held back, as far as a row is found then; else they keep what they have of it',
  }))
}
