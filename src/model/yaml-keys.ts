import { isMap, isPair, isScalar, isSeq, type ParsedNode, type YAMLMap } from 'yaml'

/** As many as anybody reads. */
const maxDuplicates = 100

/**
 * Where each key stands that its map has already, in the order of the text: the offsets of the later ones. The parser's
 * own look compares every key of a map with all before it, which takes minutes for a large one.
 * Two keys are equal where one field of an object would be made of them, as of `1` and `"1"`.
 */
export function duplicateKeys(root: unknown): number[] {
  const found: number[] = []
  const open: unknown[] = [root]
  // Not by recursion: how deep the text may be nested is asked later.
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isMap(node)) found.push(...duplicatesOf(node))
    if (isMap(node) || isSeq(node)) for (const item of node.items) open.push(item)
    if (isPair(node)) open.push(...[node.key, node.value].filter((each) => each !== null))
    if (found.length > maxDuplicates) break
  }
  return found.sort((a, b) => a - b).slice(0, maxDuplicates)
}

function duplicatesOf({ items }: YAMLMap): number[] {
  const seen = new Set<string>()
  const found: number[] = []
  for (const { key } of items) {
    if (!isScalar(key)) continue
    const name = key.value === null ? '' : String(key.value)
    if (seen.has(name) && found.length < maxDuplicates) found.push((key as ParsedNode).range[0])
    seen.add(name)
  }
  return found
}
