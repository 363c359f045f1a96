/**
 * The Huffman code of RFC 7541 appendix B. It is canonical (codes of one length count up in the order of their symbols), so
 * that the lengths say all of it. In bits, by symbol; the last is EOS.
 */
const lengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
]
const endOfString = 256

const codes = canonicalCodes()

function canonicalCodes(): Uint32Array {
  const bySize = lengths.map((_, symbol) => symbol).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
  const result = new Uint32Array(lengths.length)
  let code = 0
  let length = 0
  for (const symbol of bySize) {
    code = (code << (lengths[symbol]! - length)) >>> 0
    length = lengths[symbol]!
    result[symbol] = code++
  }
  return result
}

/**
 * A state is an inner node of the code's tree. `steps` says for each state and each byte where they lead, in bits: the next
 * state (9), how many symbols end within the byte (2; the shortest code has five bits), and those symbols (8 each). `mayEnd`
 * says where the padding may stop: on at most seven ones, the beginning of EOS.
 */
const nextState = 0x1ff
const countShift = 9
const firstShift = 11
const secondShift = 19
const invalid = 0xffffffff
const { steps, mayEnd } = buildSteps()

function buildSteps(): { steps: Uint32Array; mayEnd: Uint8Array } {
  const tree = buildTree()
  const inner = tree.length / 2
  const steps = new Uint32Array(inner * 256)
  for (let state = 0; state < inner; state++) {
    for (let byte = 0; byte < 256; byte++) steps[state * 256 + byte] = step(tree, state, byte)
  }
  const mayEnd = new Uint8Array(inner)
  for (let state = 0, depth = 0; depth < 8; depth++) {
    mayEnd[state] = 1
    state = tree[state * 2 + 1]!
  }
  return { steps, mayEnd }
}

/** Two numbers an inner node, for the bits 0 and 1: another inner node, or the complement of a symbol. */
function buildTree(): number[] {
  const tree = [0, 0]
  codes.forEach((code, symbol) => {
    let node = 0
    for (let bit = lengths[symbol]! - 1; bit > 0; bit--) {
      const slot = node * 2 + ((code >>> bit) & 1)
      if (tree[slot] === 0) {
        tree[slot] = tree.length / 2
        tree.push(0, 0)
      }
      node = tree[slot]!
    }
    tree[node * 2 + (code & 1)] = ~symbol
  })
  return tree
}

function step(tree: number[], state: number, byte: number): number {
  let node = state
  let count = 0
  let symbols = 0
  for (let bit = 7; bit >= 0; bit--) {
    const next = tree[node * 2 + ((byte >>> bit) & 1)]!
    if (next >= 0) {
      node = next
      continue
    }
    if (~next === endOfString) return invalid
    symbols |= ~next << (count === 0 ? firstShift : secondShift)
    count++
    node = 0
  }
  return node | (count << countShift) | symbols
}

let scratch = Buffer.allocUnsafeSlow(4_096)

/** The string that is coded in a part of `source`, a character a byte; undefined where it is no valid code. */
export function huffmanDecode(source: Buffer, start: number, end: number): string | undefined {
  const longest = ((end - start) * 8) / 5
  if (longest > scratch.length) scratch = Buffer.allocUnsafeSlow(Math.ceil(longest))
  let state = 0
  let length = 0
  for (let at = start; at < end; at++) {
    const entry = steps[state * 256 + source[at]!]!
    if (entry === invalid) return undefined
    const count = (entry >>> countShift) & 3
    if (count !== 0) {
      scratch[length++] = entry >>> firstShift
      if (count === 2) scratch[length++] = entry >>> secondShift
    }
    state = entry & nextState
  }
  return mayEnd[state] === 1 ? scratch.toString('latin1', 0, length) : undefined
}

/** Bytes that a text takes when coded. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let index = 0; index < text.length; index++) bits += lengths[text.charCodeAt(index)]!
  return (bits + 7) >>> 3
}

/** Writes a text, a byte a character, and returns where it ends. */
export function huffmanEncode(text: string, target: Buffer, start: number): number {
  let at = start
  let bits = 0
  let count = 0
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index)
    let left = lengths[symbol]!
    const code = codes[symbol]!
    // Up to seven bits wait and a code has up to thirty: in two parts, so that 32 bits hold them.
    if (left > 16) {
      left -= 16
      bits = (bits << left) | (code >>> 16)
      for (count += left; count >= 8; count -= 8) target[at++] = bits >>> (count - 8)
      left = 16
    }
    bits = (bits << left) | (code & ((1 << left) - 1))
    for (count += left; count >= 8; count -= 8) target[at++] = bits >>> (count - 8)
  }
  if (count > 0) target[at++] = (bits << (8 - count)) | (0xff >>> count)
  return at
}
