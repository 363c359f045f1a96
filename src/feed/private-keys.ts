import { privateKeysInUse } from '../model/certificate-use.ts'
import type { SecretText } from '../model/secret-text.ts'
import type { State } from '../model/state.ts'
import type { Observe } from '../observe.ts'

/** Private keys in clear, by the id of their secret. */
export type PrivateKeys = ReadonlyMap<string, SecretText>

/**
 * The private keys of the certificates that some states use. An id always has the same text, so that only ids that are new
 * are asked for, in one query; what is not used any more is forgotten. A key that cannot be opened is told and left out.
 */
export function createPrivateKeys(options: {
  read(ids: readonly string[]): Promise<PrivateKeys>
  observe: Observe
}): (states: readonly State[]) => Promise<PrivateKeys> {
  const { read, observe } = options
  let known: PrivateKeys = new Map()
  return async (states) => {
    const ids = [...new Set([...new Set(states)].flatMap(privateKeysInUse))]
    const missing = ids.filter((id) => !known.has(id))
    const found = missing.length === 0 ? known : new Map([...known, ...(await read(missing))])
    for (const id of missing) if (!found.has(id)) observe({ event: 'secret_unreadable', secret: id })
    // The very same map where nothing is new, so that nothing needs to be made of it again.
    if (missing.length > 0 || ids.length < known.size) {
      known = new Map(ids.flatMap((id) => (found.has(id) ? [[id, found.get(id)!] as const] : [])))
    }
    return known
  }
}
