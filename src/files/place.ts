import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Place, SourceDocument, SourceFile } from './source.ts'

interface Nodes {
  lines: LineCounter
  /** The documents that are not empty, as they are numbered. */
  documents: Document.Parsed[]
}

/** Parsed again only for a file that something is wrong with. */
const parsed = new WeakMap<SourceFile, Nodes>()

/**
 * Where a field of a document stands: the field that the JSON pointer names, else the innermost one around it. The text
 * of a file stands where the file is named (`certificateFile` for `certificate`).
 */
export function placeOf({ file, number, listed }: SourceDocument, pointer: string): Place {
  const { lines, documents } = nodesOf(file)
  const document = documents[listed ? 0 : number]
  if (document === undefined) return { line: 1, column: 1 }
  const tokens = pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  const offset = offsetOf(document, listed ? [String(number), ...tokens] : tokens)
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

function nodesOf(file: SourceFile): Nodes {
  let nodes = parsed.get(file)
  if (nodes === undefined) {
    const lines = new LineCounter()
    // JSON is YAML, too.
    const all = parseAllDocuments(file.text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' })
    nodes = { lines, documents: 'empty' in all ? [] : all.filter((document) => !isEmpty(document)) }
    parsed.set(file, nodes)
  }
  return nodes
}

function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null)
}

function offsetOf(document: Document.Parsed, tokens: readonly string[]): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? document.range[0]
  for (const token of tokens) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const { items } = node
      const named = (key: string) => items.find((pair) => textOf(pair.key) === key)
      const pair = named(token) ?? named(`${token}File`)
      if (pair === undefined) break
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(token)]
      if (item === undefined) break
      offset = startOf(item) ?? offset
      node = item
    } else {
      break
    }
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0]
}

function textOf(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined
}
