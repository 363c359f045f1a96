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

/** Bits of an entry of `steps`: the next state, whether a symbol ends here, and which. */
const nextState = 0x1ff
const emits = 0x200
const symbolShift = 10
const invalid = 0xffffffff

/**
 * A state is an inner node of the code's tree. `steps` says for each state and each four bits where they lead; since the
 * shortest code has five bits, four end one symbol at most. `mayEnd` says where the padding may stop: on at most seven
 * ones, the beginning of EOS.
 */
const { steps, mayEnd } = buildSteps()

function buildSteps(): { steps: Uint32Array; mayEnd: Uint8Array } {
  const tree = buildTree()
  const inner = tree.length / 2
  const steps = new Uint32Array(inner * 16)
  for (let state = 0; state < inner; state++) {
    for (let nibble = 0; nibble < 16; nibble++) steps[state * 16 + nibble] = step(tree, state, nibble)
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

function step(tree: number[], state: number, nibble: number): number {
  let node = state
  let symbol = -1
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[node * 2 + ((nibble >>> bit) & 1)]!
    if (next >= 0) node = next
    else if (~next === endOfString) return invalid
    else {
      symbol = ~next
      node = 0
    }
  }
  return symbol < 0 ? node : node | emits | (symbol << symbolShift)
}

let scratch = Buffer.allocUnsafeSlow(4_096)

/** The string that is coded in a part of `source`, a character a byte; undefined where it is no valid code. */
export function huffmanDecode(source: Buffer, start: number, end: number): string | undefined {
  const longest = ((end - start) * 8) / 5
  if (longest > scratch.length) scratch = Buffer.allocUnsafeSlow(Math.ceil(longest))
  let state = 0
  let length = 0
  for (let at = start; at < end; at++) {
    const byte = source[at]!
    const first = steps[state * 16 + (byte >>> 4)]!
    if (first === invalid) return undefined
    if ((first & emits) !== 0) scratch[length++] = first >>> symbolShift
    const second = steps[(first & nextState) * 16 + (byte & 15)]!
    if (second === invalid) return undefined
    if ((second & emits) !== 0) scratch[length++] = second >>> symbolShift
    state = second & nextState
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
