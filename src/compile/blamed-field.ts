import type { Document } from '../model/document.ts'
import { milliseconds } from '../model/duration.ts'
import { escapePointer } from '../model/walk.ts'

/** What Envoy's words tell of the field that it refuses. */
export interface Evidence {
  /** All that it said. */
  readonly text: string
  /** Fields of the resource, from the outside in, as the .proto file has them. */
  readonly names: readonly string[]
  /** What the last of them holds. */
  readonly values: ReadonlySet<string | number>
}

/** A field and how much speaks for it. */
export interface Field {
  readonly pointer: string
  readonly score: number
}

interface Place {
  readonly pointer: string
  readonly key: string
  readonly value: unknown
  /** What stands beside it. */
  readonly beside: object
  readonly parent: string
}

/** Less than that is chance. */
const minScore = 8
/** Fields of one document that are looked at. */
const maxPlaces = 20_000

/** The field of a document for which the most speaks; its whole, with a score of 0, where nothing does. */
export function bestField(document: Document, evidence: Evidence): Field {
  let best: { place: Place; score: number } | undefined
  let left = maxPlaces
  for (const place of placesOf(document.spec, '/spec')) {
    if (left-- === 0) break
    const score = scoreOf(place, evidence)
    if (score > (best?.score ?? 0)) best = { place, score }
  }
  if (best === undefined || best.score < minScore) return { pointer: '', score: 0 }
  return { pointer: meant(best.place, evidence), score: best.score }
}

/** A value may say which of several things is meant, and a name after it what of that is wrong. */
function meant({ pointer, key, value, beside, parent }: Place, { text }: Evidence): string {
  const at = typeof value === 'string' ? text.indexOf(value) : -1
  if (at < 0 || Array.isArray(beside)) return pointer
  const rest = text.slice(at + String(value).length)
  const told = Object.keys(beside).filter((each) => each !== key && toldAt(rest, each) >= 0)
  return told.length === 1 ? `${parent}/${escapePointer(told[0]!)}` : pointer
}

/** Every field, those that hold others, too. */
function* placesOf(value: unknown, pointer: string): Generator<Place> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return
  for (const [key, item] of Object.entries(value)) {
    const place = { pointer: `${pointer}/${escapePointer(key)}`, key, beside: value, parent: pointer }
    yield { ...place, value: item }
    yield* placesOf(item, place.pointer)
  }
}

function scoreOf({ key, value, beside }: Place, { text, names, values }: Evidence): number {
  const last = names.at(-1)
  const byName = last !== undefined && camelCase(last) === key ? 20 : nameScore(key, text)
  const isName = !Array.isArray(beside) && /[^a-zA-Z]/.test(key)
  return byName + Math.max(contentScore(value, text, values), isName ? textScore(key, text) : 0)
}

function contentScore(value: unknown, text: string, values: Evidence['values']): number {
  if (typeof value === 'number') {
    if (values.has(value)) return 15
    return value >= 10 && isWord(text, String(value)) ? 10 : 0
  }
  if (typeof value !== 'string') return 0
  const told = textScore(value, text)
  if (told > 0) return told
  if (values.has(value)) return 30
  const isDuration = /^\d{1,12}(ms|s|m|h)$/.test(value)
  return isDuration && values.has(milliseconds(value)) ? 25 : 0
}

/** The longer a text that Envoy repeats, the less by chance. It may be a part of the value alone, such as an escape. */
function textScore(value: string, text: string): number {
  if (value.length >= 2 && isWord(text, value)) return 20 + Math.min(value.length, 60)
  const part = oddWords(text).find((word) => value.includes(word))
  return part === undefined ? 0 : 20 + Math.min(part.length, 60)
}

/** Words that are none of a sentence, the longest first. */
function oddWords(text: string): string[] {
  const words = text.split(/[\s'"`]+/).map((word) => word.replace(/[:;,.]+$/, ''))
  const odd = words.filter((word) => word.length >= 3 && /[^A-Za-z0-9_.<>()[\]-]/.test(word))
  return odd.sort((a, b) => b.length - a.length)
}

/** What is wrong is said last. */
function nameScore(key: string, text: string): number {
  const at = toldAt(text, key)
  return at < 0 ? 0 : 8 + at / text.length
}

/** Where `privateKey` is told last: as `private key`, `private_key` or as it is. */
function toldAt(text: string, key: string): number {
  if (key.length < 3) return -1
  const words = key.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, ' ').toLowerCase()
  const lower = text.toLowerCase()
  return Math.max(
    ...[words, words.replaceAll(' ', '_'), words.replaceAll(' ', '')].map((each) => wordAt(lower, each)),
  )
}

/** Whether `text` has `word` in it as one of its own. */
export function isWord(text: string, word: string): boolean {
  return wordAt(text, word) >= 0
}

/** Where a word is last, or -1. */
function wordAt(text: string, word: string): number {
  for (let at = text.lastIndexOf(word); at !== -1; at = at === 0 ? -1 : text.lastIndexOf(word, at - 1)) {
    if (isEdge(text[at - 1], word[0]!) && isEdge(text[at + word.length], word.at(-1)!)) return at
  }
  return -1
}

/** Between two letters or digits is no edge. */
function isEdge(beside: string | undefined, own: string): boolean {
  const isPart = (character: string) => /[A-Za-z0-9]/.test(character)
  return beside === undefined || !isPart(beside) || !isPart(own)
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
