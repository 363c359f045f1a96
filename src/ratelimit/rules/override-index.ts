import { isIP } from 'node:net'
import type { LimitOverride, RequestPart } from '../../model/limit-rule.ts'
import { addressBits } from '../request/address-bits.ts'
import type { RequestValues } from '../request/request-values.ts'

/** Finds the override of a request among thousands by a few look-ups: one for each length that a part has. */
export interface OverrideIndex<T> {
  /** The most specific one: exact beats prefixes and blocks, then the longest wins, then the first that was written. */
  find(values: RequestValues): T | undefined
}

interface Found<T> {
  specificity: number
  order: number
  item: T
}

/** All overrides on one part of a request. */
interface Group<T> {
  part: RequestPart
  /** By specificity, the highest first: each of a length has a way to cut a value to what is looked up. */
  levels: Map<number, Level<T>>
}

interface Level<T> {
  cut(value: string): string | undefined
  items: Map<string, { order: number; item: T }>
}

const exactly = Number.POSITIVE_INFINITY

export function overrideIndex<T>(
  overrides: readonly { override: LimitOverride; item: T }[],
): OverrideIndex<T> {
  const groups = new Map<string, Group<T>>()
  for (const [order, { override, item }] of overrides.entries()) {
    const id = JSON.stringify(override.part)
    const group = groups.get(id) ?? { part: override.part, levels: new Map() }
    groups.set(id, group)
    const { specificity, cut, text } = placed(override)
    const level = group.levels.get(specificity) ?? { cut, items: new Map() }
    group.levels.set(specificity, level)
    if (!level.items.has(text)) level.items.set(text, { order, item })
  }
  const sorted = [...groups.values()].map(({ part, levels }) => ({
    part,
    levels: [...levels].sort(([left], [right]) => right - left),
  }))
  return {
    find(values) {
      let best: Found<T> | undefined
      for (const { part, levels } of sorted) {
        const value = values.of(part)
        if (value === undefined) continue
        const found = lookUp(levels, value)
        if (found !== undefined && (best === undefined || beats(found, best))) best = found
      }
      return best?.item
    },
  }
}

function lookUp<T>(levels: readonly (readonly [number, Level<T>])[], value: string): Found<T> | undefined {
  for (const [specificity, { cut, items }] of levels) {
    const text = cut(value)
    const found = text === undefined ? undefined : items.get(text)
    if (found !== undefined) return { specificity, ...found }
  }
  return undefined
}

function beats<T>(left: Found<T>, right: Found<T>): boolean {
  if (left.specificity !== right.specificity) return left.specificity > right.specificity
  return left.order < right.order
}

/** How specific an override is, what of a request's value it looks at, and what that has to be. */
function placed({ part, value }: LimitOverride): {
  specificity: number
  text: string
  cut: Level<unknown>['cut']
} {
  if ('prefix' in value) {
    const { length } = bytesOf(value.prefix)
    return { specificity: length, text: bytesOf(value.prefix), cut: (text) => text.slice(0, length) }
  }
  if ('cidr' in value) {
    const [address = '', bits = '0'] = value.cidr.split('/')
    // Blocks of the two families never meet: an address's bits say which it is.
    const length = Number(bits)
    const cut = (text: string) =>
      isIP(text) === isIP(address) ? addressBits(text).slice(0, length) : undefined
    return { specificity: length + (isIP(address) === 6 ? 0.5 : 0), text: cut(address) ?? '', cut }
  }
  if (part.kind !== 'client_ip')
    return { specificity: exactly, text: bytesOf(value.exact), cut: (text) => text }
  const cut = (text: string) => (isIP(text) === 0 ? undefined : addressBits(text))
  return { specificity: exactly, text: cut(value.exact) ?? '', cut }
}

/** What is written is UTF-8 in a request, and requests are byte strings here. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
