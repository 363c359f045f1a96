/**
 * The identity of a counter: a keyed 128-bit hash of its policy, algorithm and key values, as four 32-bit integers
 * (signed, so that they are small integers to V8). Keys themselves are kept nowhere.
 */
export interface CounterId {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
}

/** As admin answers name it: base64url, 22 characters. */
export function formatCounterId({ a, b, c, d }: CounterId): string {
  const bytes = Buffer.alloc(16)
  for (const [index, word] of [a, b, c, d].entries()) bytes.writeInt32BE(word, index * 4)
  return bytes.toString('base64url')
}

/** The id that a text names; nothing where it is none. */
export function parseCounterId(text: string): CounterId | undefined {
  if (!/^[A-Za-z0-9_-]{22}$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  const id = {
    a: bytes.readInt32BE(0),
    b: bytes.readInt32BE(4),
    c: bytes.readInt32BE(8),
    d: bytes.readInt32BE(12),
  }
  return formatCounterId(id) === text ? id : undefined
}
