const slots = 256
/** Longer ones are not kept. */
const longest = 64

/**
 * Reads texts of which the same few come again and again, as the names of entries do, with no new string each time.
 * One of UTF-8 that is not ASCII is never found again, and one is forgotten for another in its slot.
 */
export function createNames(
  encoding: 'utf8' | 'latin1',
): (bytes: Buffer, from: number, to: number) => string {
  const kept: string[] = Array.from({ length: slots }, () => '')

  return (bytes, from, to) => {
    const length = to - from
    if (length === 0) return ''
    if (length > longest) return bytes.toString(encoding, from, to)
    const slot = (length * 31 + bytes[to - 1]! * 7 + bytes[from + (length >> 1)]!) % slots
    const name = kept[slot]!
    if (name.length === length && isAt(name, bytes, from)) return name
    const read = bytes.toString(encoding, from, to)
    kept[slot] = read
    return read
  }
}

function isAt(name: string, bytes: Buffer, from: number): boolean {
  for (let index = name.length - 1; index >= 0; index--) {
    if (name.charCodeAt(index) !== bytes[from + index]) return false
  }
  return true
}
