const slots = 256
/** Longer ones are not kept. */
const longest = 64

interface Kept {
  text: string
  bytes: Uint8Array
}

/**
 * Reads texts of which the same few come again and again, as the names of entries do, with no new string each time.
 * One is forgotten for another in its slot.
 */
export function createNames(
  encoding: 'utf8' | 'latin1',
): (bytes: Buffer, from: number, to: number) => string {
  const kept: Kept[] = Array.from({ length: slots }, () => ({ text: '', bytes: new Uint8Array() }))

  return (bytes, from, to) => {
    const length = to - from
    if (length === 0) return ''
    if (length > longest) return bytes.toString(encoding, from, to)
    const slot = (length * 31 + bytes[to - 1]! * 7 + bytes[from + (length >> 1)]!) % slots
    const last = kept[slot]!
    if (last.bytes.length === length && isAt(last.bytes, bytes, from)) return last.text
    const text = bytes.toString(encoding, from, to)
    kept[slot] = { text, bytes: new Uint8Array(bytes.subarray(from, to)) }
    return text
  }
}

function isAt(name: Uint8Array, bytes: Buffer, from: number): boolean {
  for (let index = name.length - 1; index >= 0; index--) {
    if (name[index] !== bytes[from + index]) return false
  }
  return true
}
