import { X509Certificate } from 'node:crypto'
import type { TestCertificate } from './certificate.ts'

/** What is looked for: every run of a secret's bytes of one length, in each form that it may take in a text. */
export interface Traces {
  /** Where a trace of a secret is in the bytes, each place with what is found there; at most ten. */
  in(bytes: Buffer | string): string[]
  /** How many different runs are looked for. */
  size: number
}

/** Bytes of a run. Shorter ones would be found by chance. */
const run = 8

/**
 * Traces of private keys and API keys: the text itself, the base64 of PEM and its base64 once more, the bytes of DER, and both in hexadecimal.
 * What a key shares with a certificate (algorithm, public key) is no secret and is not looked for.
 */
export function tracesOf(certificates: readonly TestCertificate[], texts: readonly string[]): Traces {
  const wanted = new Set<string>()
  const bodies = certificates.flatMap(({ certificate }) => [
    bodyOf(certificate),
    ...publicKeysOf(certificate),
  ])
  const openLines = [...certificates.map(({ certificate }) => linesOf(certificate)), ...bodies].flatMap(
    codedWithin,
  )
  const open = certificates.map(({ certificate }) => new X509Certificate(certificate).raw)
  for (const { privateKey } of certificates) {
    addRuns(wanted, bodyOf(privateKey), bodies)
    addRuns(wanted, Buffer.from(bodyOf(privateKey), 'base64'), open)
    // Where a text is bytes to whoever prints it.
    for (const coded of codedWithin(linesOf(privateKey))) addRuns(wanted, coded, openLines)
  }
  for (const text of texts) {
    addRuns(wanted, text, [])
    for (const coded of codedWithin(text)) addRuns(wanted, coded, [])
  }
  const lengths = new Set([...wanted].map(({ length }) => length))
  return {
    size: wanted.size,
    in(bytes) {
      const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1')
      const found: string[] = []
      for (const length of lengths) {
        for (let start = 0; start + length <= text.length && found.length < 10; start++) {
          const slice = text.slice(start, start + length)
          if (wanted.has(slice)) found.push(text.slice(Math.max(0, start - 40), start + length + 20))
        }
      }
      return found
    },
  }
}

/** All runs of the bytes, as they are and in hexadecimal, but for those that are open. */
function addRuns(wanted: Set<string>, of: Buffer | string, open: readonly (Buffer | string)[]): void {
  const bytes = Buffer.from(of as string, 'latin1')
  const known = open.map((each) => Buffer.from(each as string, 'latin1'))
  for (let start = 0; start + run <= bytes.length; start++) {
    const slice = bytes.subarray(start, start + run)
    if (known.some((each) => each.includes(slice))) continue
    wanted.add(slice.toString('latin1'))
    wanted.add(slice.toString('hex'))
  }
}

/** The base64 of a certificate's public key wherever it stands: any certificate has its beginning, too. */
function publicKeysOf(certificate: string): string[] {
  const key = new X509Certificate(certificate).publicKey.export({ format: 'der', type: 'spki' })
  return [0, 1, 2].map((lead) =>
    Buffer.concat([Buffer.alloc(lead), key])
      .toString('base64')
      .slice(4, -4),
  )
}

/** The base64 of a text within a longer one, where it begins at one of three places of a group. */
function codedWithin(text: string): string[] {
  return ['', 'x', 'xx'].map((lead) => {
    const coded = Buffer.from(`${lead}${text}`).toString('base64').replace(/=+$/, '')
    return coded.slice(lead.length === 0 ? 0 : 4, -1)
  })
}

function linesOf(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----/g, '').trim()
}

function bodyOf(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----/g, '').replaceAll(/\s/g, '')
}
