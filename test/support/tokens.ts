import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export interface Issuer {
  /** The key set as a service would serve it, and as a document may hold it. */
  readonly jwks: string
  readonly publicKey: KeyObject
  /** A token signed with its key; `header` and `claims` take the place of what they name. */
  token(claims?: object, header?: object): string
}

export const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const seconds = (from: number) => Math.floor(Date.now() / 1_000) + from

/** Somebody who issues tokens, with a key that is made here. */
export function issuer(iss: string, kid = 'first'): Issuer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const key = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }
  return {
    jwks: JSON.stringify({ keys: [key] }),
    publicKey,
    token(claims = {}, header = {}) {
      const named = { alg: 'RS256', typ: 'JWT', kid, ...header }
      const usual = { iss, aud: 'shop', sub: 'ada', exp: seconds(600), role: ['reader', 'admin'] }
      const text = `${encoded(named)}.${encoded({ ...usual, ...claims })}`
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
    },
  }
}

/** The token with another header, signed with a text as though that were a shared secret. */
export function signedWith(secret: string | Buffer, token: string): string {
  const text = `${encoded({ alg: 'HS256', typ: 'JWT', kid: 'first' })}.${token.split('.')[1]}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

export const expired = () => ({ exp: seconds(-3_600) })
export const notYet = () => ({ nbf: seconds(3_600) })
