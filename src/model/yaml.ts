import { LineCounter, parseAllDocuments, type YAMLError, YAMLParseError } from 'yaml'
import type { Problem } from '../errors.ts'
import { boundsProblem, maxDepth } from './value-bounds.ts'
import { duplicateKeys } from './yaml-keys.ts'

/** Largest text that is read at all, and the most alias expansions in one document. */
export const maxTextBytes = 8 * 1024 * 1024
const maxAliasExpansions = 100
const maxDocuments = 20_000
/** Far beyond what is allowed, since brackets may stand in texts; the parser needs minutes and a GiB for millions. */
const maxBracketDepth = 10_000

export type ParsedText = { values: unknown[]; problems: [] } | { values?: undefined; problems: Problem[] }

/**
 * Reads YAML 1.2 (and so JSON) with any number of documents. Empty documents are left out.
 * Problems name line and column; alias bombs and duplicate keys are refused.
 */
export function parseYaml(text: string): ParsedText {
  const lineCounter = new LineCounter()
  const options = {
    lineCounter,
    uniqueKeys: false,
    merge: false,
    prettyErrors: true,
    logLevel: 'error',
  } as const
  const deep = bracketDepth(text)
  if (deep > maxBracketDepth) {
    return refused(undefined, `brackets are nested ${deep} deep`, `write it flatter than ${maxDepth} levels`)
  }
  const documents = parseAllDocuments(text, options)
  if ('empty' in documents) return { values: [], problems: [] }
  if (documents.length > maxDocuments) {
    return refused(undefined, `more than ${maxDocuments} documents`, 'apply them in several writes')
  }
  const problems: Problem[] = []
  const values: unknown[] = []
  for (const document of documents) {
    const number = values.length
    // A warning is a tag or directive that would be ignored.
    const errors = [
      ...document.errors,
      ...document.warnings,
      ...duplicateKeys(document.contents).map(duplicate),
    ]
    errors.sort((a, b) => a.pos[0] - b.pos[0])
    for (const error of errors) problems.push(syntaxProblem(error, number, lineCounter))
    if (errors.length > 0) {
      values.push(undefined)
      continue
    }
    try {
      const value = document.toJS({ maxAliasCount: maxAliasExpansions })
      const bounds = boundsProblem(value)
      if (bounds !== undefined) problems.push({ document: number, ...bounds })
      if (value !== null && value !== undefined) values.push(value)
    } catch (error) {
      problems.push(aliasProblem(error, number))
      values.push(undefined)
    }
  }
  return problems.length > 0 ? { problems } : { values, problems: [] }
}

/** How many brackets are open at once, texts not told apart: a cheap look before the parser's expensive one. */
function bracketDepth(text: string): number {
  let depth = 0
  let deepest = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (code === 0x5d || code === 0x7d) depth = Math.max(0, depth - 1)
  }
  return deepest
}

function duplicate(offset: number): YAMLError {
  return new YAMLParseError([offset, offset + 1], 'DUPLICATE_KEY', 'Map keys must be unique')
}

function syntaxProblem(error: YAMLError, document: number, lineCounter: LineCounter): Problem {
  const { line, col } = lineCounter.linePos(error.pos[0])
  const place = `line ${line}, column ${col}`
  if (error.message.startsWith('Maximum call stack size exceeded')) {
    const message = `${place}: the document is nested deeper than ${maxDepth} levels`
    return { document, pointer: '', message, remedy: 'write it flatter' }
  }
  const summary = withoutSource(error.message, error.code)
  return { document, pointer: '', message: `${place}: ${summary}`, remedy: 'correct the YAML at that place' }
}

function aliasProblem(error: unknown, document: number): Problem {
  const message = withoutSource(error instanceof Error ? error.message : String(error))
  const remedy = message.startsWith('Excessive alias count')
    ? 'write the values out instead of using so many aliases'
    : 'define the anchor before the alias'
  return { document, pointer: '', message, remedy }
}

/** The text at that place may be a secret with a slip of the hand, so that no message quotes it. */
function withoutSource(message: string, code?: string): string {
  if (code === 'TAG_RESOLVE_FAILED') return 'The tag is not known'
  return message
    .split('\n')[0]!
    .replace(/ at line \d+, column \d+:?$/, '')
    .replace(/^(Invalid escape sequence|Unknown directive) .*/, '$1')
    .replace(/([a-z)]): .*/, '$1')
}

function refused(document: number | undefined, message: string, remedy: string): ParsedText {
  return { problems: [{ ...(document === undefined ? {} : { document }), pointer: '', message, remedy }] }
}
