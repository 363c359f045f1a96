import { boundsProblem } from './value-bounds.ts'
import type { ParsedText } from './yaml.ts'

/**
 * Reads JSON (RFC 8259) as one document. Problems name line and column; a key that is there twice is refused,
 * since every reader would take another of the two.
 */
export function parseJson(text: string): ParsedText {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return broken(text, error as Error)
  }
  const { duplicates } = scan(text)
  const problems = duplicates.map(({ key, offset }) => ({
    document: 0,
    pointer: '',
    message: `${place(text, offset)}: the key ${key.slice(0, 80)} is there twice`,
    remedy: 'write each key once',
  }))
  const bounds = boundsProblem(value)
  if (bounds !== undefined) problems.push({ document: 0, ...bounds })
  return problems.length > 0 ? { problems } : { values: [value], problems: [] }
}

function broken(text: string, error: Error): ParsedText {
  const position = /at position (\d+)/.exec(error.message)?.[1]
  // Of a stray word V8 says only its surroundings.
  const offset = position === undefined ? (scan(text).oddAt ?? text.length) : Number(position)
  const what = error.message
    .replace(/ in JSON at position .*/, '')
    .replace(/, (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, '')
  const message = `${place(text, offset)}: ${what.slice(0, 200)}`
  return { problems: [{ document: 0, pointer: '', message, remedy: 'correct the JSON at that place' }] }
}

function place(text: string, offset: number): string {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return `line ${line}, column ${offset - before.lastIndexOf('\n')}`
}

const words = new Set(['true', 'false', 'null'])
const maxDuplicates = 100

interface Scan {
  duplicates: { key: string; offset: number }[]
  /** Where the first word stands that is none of JSON's. */
  oddAt?: number
}

/** Walks the tokens of a text that is JSON, or nearly so. */
function scan(text: string): Scan {
  const found: Scan = { duplicates: [] }
  const keys: (Set<string> | undefined)[] = []
  const token = /["{}[\]]|[A-Za-z_$][\w$]*/g
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const offset = match.index
    const [word] = match
    if (word === '{') keys.push(new Set())
    else if (word === '[') keys.push(undefined)
    else if (word === '}' || word === ']') keys.pop()
    else if (word === '"') {
      const end = stringEnd(text, offset)
      token.lastIndex = end
      const seen = keys.at(-1)
      if (seen === undefined || !isKey(text, end)) continue
      const raw = text.slice(offset, end)
      const key = raw.includes('\\') ? unescaped(raw) : raw
      if (seen.has(key) && found.duplicates.length < maxDuplicates) found.duplicates.push({ key, offset })
      seen.add(key)
    } else if (!words.has(word) && !isExponent(text, offset)) {
      found.oddAt ??= offset
    }
  }
  return found
}

/** The place behind the string that starts at `start`. */
function stringEnd(text: string, start: number): number {
  for (let end = start + 1; end < text.length; end++) {
    const character = text[end]
    if (character === '"') return end + 1
    if (character === '\\') end++
  }
  return text.length
}

function isKey(text: string, end: number): boolean {
  let next = end
  while (' \t\r\n'.includes(text[next] ?? 'x')) next++
  return text[next] === ':'
}

function isExponent(text: string, offset: number): boolean {
  return /[eE]/.test(text[offset]!) && /[0-9]/.test(text[offset - 1] ?? '')
}

/** The key as the parser sees it: `"\u0061"` is `"a"`. */
function unescaped(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw))
  } catch {
    return raw
  }
}
