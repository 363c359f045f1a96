import { isIP } from 'node:net'
import type { LimitOverride, RequestPart } from '../../model/limit-rule.ts'
import { addressBits } from '../request/address-bits.ts'
import { inBytes, type RequestValues } from '../request/request-values.ts'

/** Finds the override of a request among thousands by a few look-ups: one for each length that a part has. */
export interface OverrideIndex<T> {
  /** The most specific one: exact beats prefixes and blocks, then the longest wins, then the first that was written. */
  find(values: RequestValues): T | undefined
}

/** All overrides on one part of a request. */
interface Group<T> {
  part: RequestPart
  /** What of a value is looked up; nothing where no override can be for it. */
  read(value: string): string | undefined
  /** By how much of what is read has to be the same: all of it, or a beginning of so many letters. */
  levels: Map<number, Level<T>>
}

interface Level<T> {
  specificity: number
  items: Map<string, { order: number; item: T }>
}

interface Found<T> {
  specificity: number
  order: number
  item: T
}

const whole = Number.POSITIVE_INFINITY

export function overrideIndex<T>(
  overrides: readonly { override: LimitOverride; item: T }[],
): OverrideIndex<T> {
  const groups = new Map<string, Group<T>>()
  for (const [order, { override, item }] of overrides.entries()) {
    const { part } = override
    const id = JSON.stringify(part)
    const read = part.kind === 'client_ip' ? readAddress : (value: string) => value
    const group = groups.get(id) ?? { part, read, levels: new Map() }
    groups.set(id, group)
    const { text, length, specificity } = placed(override)
    const level = group.levels.get(length) ?? { specificity, items: new Map() }
    group.levels.set(length, level)
    if (!level.items.has(text)) level.items.set(text, { order, item })
  }
  const sorted = [...groups.values()].map(({ part, read, levels }) => ({
    ...{ part, read },
    levels: [...levels].sort(([left], [right]) => right - left),
  }))
  return {
    find(values) {
      let best: Found<T> | undefined
      for (const { part, read, levels } of sorted) {
        const value = values.of(part)
        const text = value === undefined ? undefined : read(value)
        const found = text === undefined ? undefined : lookUp(levels, text)
        if (found !== undefined && (best === undefined || beats(found, best))) best = found
      }
      return best?.item
    },
  }
}

function lookUp<T>(levels: readonly (readonly [number, Level<T>])[], text: string): Found<T> | undefined {
  for (const [length, { specificity, items }] of levels) {
    const found = items.get(length === whole ? text : text.slice(0, length))
    if (found !== undefined) return { specificity, ...found }
  }
  return undefined
}

function beats<T>(left: Found<T>, right: Found<T>): boolean {
  if (left.specificity !== right.specificity) return left.specificity > right.specificity
  return left.order < right.order
}

/** What a request's value, as it is read, has to be or to begin with. */
function placed({ part, value }: LimitOverride): { text: string; length: number; specificity: number } {
  if ('cidr' in value) {
    const [address = '', bits] = value.cidr.split('/')
    const text = readAddress(address)!
    // An address alone is the block that has no other.
    const length = bits === undefined ? text.length : Number(bits) + 1
    return { text: text.slice(0, length), length, specificity: length - 1 }
  }
  if ('prefix' in value) {
    const text = inBytes(value.prefix)
    return { text, length: text.length, specificity: text.length }
  }
  const text = part.kind === 'client_ip' ? readAddress(value.exact)! : inBytes(value.exact)
  return { text, length: whole, specificity: whole }
}

/** The bits of an address behind its family, so that a block is a beginning of it and the families never meet. */
function readAddress(address: string): string | undefined {
  const family = isIP(address)
  return family === 0 ? undefined : `${family}${addressBits(address)}`
}
