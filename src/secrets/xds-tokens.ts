import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Keyring } from './keyring.ts'
import type { MasterKey } from './master-key.ts'

/** What a token says: who shows it may fetch these gateways until then. */
export interface XdsPass {
  readonly gateways: readonly string[]
  /** Milliseconds since 1970. */
  readonly until: number
}

/** Tokens that Envoys show to xDS. Nothing of them is stored: whoever has the master key can tell a genuine one. */
export interface XdsTokens {
  issue(pass: XdsPass): string
  /** What a genuine token says, expired or not; nothing where none of the keys that are known made it. */
  read(token: string): XdsPass | undefined
}

/** Names the kind of a token for who finds one, and for scanners of secrets. */
const prefix = 'weir_xds_'
/** Far more than a token of a hundred gateways with the longest names has. */
const longest = 64 * 1024

/**
 * A token is what it says and its HMAC-SHA-256 (RFC 2104) under a key that is derived (HKDF, RFC 5869) from the master key
 * in force. It lives as long as that key is known here: to drop the key ends all of its tokens.
 */
export function createXdsTokens(keyring: Pick<Keyring, 'find' | 'preferred'>): XdsTokens {
  return {
    issue({ gateways, until }) {
      const master = keyring.preferred()
      const said = Buffer.from(JSON.stringify([master.id, until, ...gateways])).toString('base64url')
      return `${prefix}${said}.${proofOf(master, said).toString('base64url')}`
    },
    read(token) {
      const [, said, proof] = /^weir_xds_([\w-]+)\.([\w-]{43})$/.exec(token.slice(0, longest)) ?? []
      if (said === undefined || proof === undefined) return undefined
      const content = parsed(said)
      const master = content === undefined ? undefined : keyring.find(content.key)
      if (content === undefined || master === undefined) return undefined
      const genuine = timingSafeEqual(Buffer.from(proof, 'base64url'), proofOf(master, said))
      return genuine ? { gateways: content.gateways, until: content.until } : undefined
    },
  }
}

function proofOf({ key }: MasterKey, said: string): Buffer {
  const derived = Buffer.from(hkdfSync('sha256', key, '', 'weir xds token', 32))
  return createHmac('sha256', derived).update(said, 'ascii').digest()
}

/** What a text that may be anybody's says. */
function parsed(said: string): (XdsPass & { key: string }) | undefined {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(said, 'base64url').toString())
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  const [key, until, ...gateways] = value as unknown[]
  if (typeof key !== 'string' || typeof until !== 'number') return undefined
  if (!gateways.every((each) => typeof each === 'string')) return undefined
  return { key, until, gateways }
}
