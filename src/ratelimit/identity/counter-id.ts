/**
 * The identity of a counter: 128 bits, as four 32-bit integers (signed, so that they are small integers to V8). Made by
 * `counter-identity.ts`.
 */
export interface CounterId {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
}

export function isSameId(one: CounterId, other: CounterId): boolean {
  return one.a === other.a && one.b === other.b && one.c === other.c && one.d === other.d
}

/**
 * As admin answers name it: 22 characters of base64url. It is written behind a byte of 0, whose first letter is left out,
 * so that it never begins with a dash, which commands would take for an option.
 */
export function formatCounterId({ a, b, c, d }: CounterId): string {
  const bytes = Buffer.alloc(17)
  for (const [index, word] of [a, b, c, d].entries()) bytes.writeInt32BE(word, 1 + index * 4)
  return bytes.toString('base64url').slice(1)
}

/** The id that a text names; nothing where it is none. */
export function parseCounterId(text: string): CounterId | undefined {
  if (!counterIdPattern.test(text)) return undefined
  const bytes = Buffer.from(`A${text}`, 'base64url')
  return {
    a: bytes.readInt32BE(1),
    b: bytes.readInt32BE(5),
    c: bytes.readInt32BE(9),
    d: bytes.readInt32BE(13),
  }
}

/** The first letter has four bits of the id, and the last one, too. */
export const counterIdPattern = /^[A-P][A-Za-z0-9_-]{20}[AEIMQUYcgkosw048]$/
