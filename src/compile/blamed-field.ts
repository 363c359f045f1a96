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
  const told = Object.keys(beside).filter((each) => each !== key && isTold(rest, each))
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
  const byName = last !== undefined && camelCase(last) === key ? 20 : isTold(text, key) ? 8 : 0
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

/** The longer a text that Envoy repeats, the less by chance. */
function textScore(value: string, text: string): number {
  return value.length >= 2 && isWord(text, value) ? 20 + Math.min(value.length, 60) : 0
}

/** `privateKey` is told as `private key`, `private_key` or as it is. */
function isTold(text: string, key: string): boolean {
  if (key.length < 3) return false
  const words = key.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, ' ').toLowerCase()
  const lower = text.toLowerCase()
  return [words, words.replaceAll(' ', '_'), words.replaceAll(' ', '')].some((each) => isWord(lower, each))
}

function isWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    if (isEdge(text[at - 1], word[0]!) && isEdge(text[at + word.length], word.at(-1)!)) return true
  }
  return false
}

/** Between two letters or digits is no edge. */
function isEdge(beside: string | undefined, own: string): boolean {
  const isPart = (character: string) => /[A-Za-z0-9]/.test(character)
  return beside === undefined || !isPart(beside) || !isPart(own)
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
