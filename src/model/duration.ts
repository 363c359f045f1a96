import { Type } from 'typebox'
import type { SchemaNode } from './walk.ts'

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const pattern = '^(0|[1-9][0-9]{0,11})(ms|s|m|h)$'

export interface DurationOptions {
  pending?: string
  /** Envoy is not told of it. */
  controlPlane?: boolean
  description: string
  default?: string
  defaultWith?: SchemaNode['defaultWith']
  /** Smallest and largest value, written as durations. */
  atLeast: string
  atMost: string
  examples?: string[]
}

/** Schema of a duration such as `500ms`, `30s`, `1m` or `24h`; its bounds are checked by `durationProblem`. */
export function Duration(options: DurationOptions) {
  const remedy = `write a whole number and a unit (ms, s, m, h) between ${options.atLeast} and ${options.atMost}, as in 30s`
  return Type.String({ pattern, format: 'weir-duration', remedy, examples: ['30s'], ...options })
}

/** Whole milliseconds of a duration that its schema has accepted. */
export function milliseconds(duration: string): number {
  const match = new RegExp(pattern).exec(duration)
  if (match === null) throw new Error(`${duration} is not a duration`)
  return Number(match[1]) * units[match[2]!]!
}

/** Whole milliseconds as a duration, in the largest unit that needs no fraction. */
export function durationText(length: number): string {
  const [unit, size] = Object.entries(units).findLast(([, each]) => length % each === 0)!
  return `${length / size}${unit}`
}

/** Why a duration is out of its schema's bounds, if it is; one that is not well formed fails by its pattern. */
export function durationProblem(
  value: string,
  schema: { atLeast?: string; atMost?: string },
): string | undefined {
  if (!new RegExp(pattern).test(value)) return undefined
  const { atLeast, atMost } = schema
  const length = milliseconds(value)
  if (atLeast !== undefined && length < milliseconds(atLeast)) return `is shorter than ${atLeast}`
  if (atMost !== undefined && length > milliseconds(atMost)) return `is longer than ${atMost}`
  return undefined
}
