import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Problem } from '../errors.ts'
import { isExpired } from '../model/certificate-chain.ts'
import type { Document } from '../model/document.ts'
import { certificatesIn } from '../model/pem.ts'
import { isSecretRef } from '../model/secret.ts'
import { find, type State } from '../model/state.ts'
import type { SecretRow } from './rows.ts'
import type { EditSecret } from './split.ts'

/**
 * A private key must be the one of the certificate beside it: Envoy refuses a pair that does not fit. Nor may a new pair
 * have expired, for it would take the place of a good one. `open` answers with the key in clear. A pair of which nothing
 * changes was judged when it was written. `now` in milliseconds.
 */
export function keyFitProblems(
  state: State,
  settled: ReadonlyMap<EditSecret, SecretRow>,
  open: (row: SecretRow) => Buffer,
  now: number,
): Problem[] {
  return [...settled].flatMap(([{ edit, pointer, certificate, value, stored }, row]): Problem[] => {
    if (certificate === undefined) return []
    const { kind, name } = edit.object
    const chain = textAt(edit.object, certificate)
    const unchanged = row.id === stored && chain === textAt(find(state, kind, name)?.document, certificate)
    if (chain === undefined || unchanged) return []
    if (fits(chain, open(row))) return expiryProblems(edit.document, certificate, chain, now)
    const which = isSecretRef(value) ? 'the private key that is stored' : 'the private key'
    return [
      {
        document: edit.document,
        pointer,
        message: `${which} is not the one of the certificate`,
        remedy: 'write the private key that belongs to the first certificate of the chain',
      },
    ]
  })
}

function expiryProblems(document: number, pointer: string, chain: string, now: number): Problem[] {
  if (!isExpired(certificatesIn(chain), now)) return []
  const remedy = 'write one that is good today, with the certificates that signed it'
  return [{ document, pointer, message: 'the certificate, or one of its chain, has expired', remedy }]
}

/** Asked of the first certificate of the chain, which is the one that is served (RFC 8446, section 4.4.2). */
function fits(chain: string, key: Buffer): boolean {
  const privateKey = createPrivateKey(key)
  key.fill(0)
  return new X509Certificate(chain).checkPrivateKey(privateKey)
}

function textAt(document: Document | undefined, pointer: string): string | undefined {
  const tokens = pointer.split('/').slice(1)
  const value = tokens.reduce<unknown>(
    (inside, key) => (inside as Record<string, unknown> | undefined)?.[key],
    document,
  )
  return typeof value === 'string' ? value : undefined
}
