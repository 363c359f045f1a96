import { Type } from 'typebox'

const units: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
export const sizePattern = '^(0|[1-9][0-9]{0,11})(B|KiB|MiB|GiB)$'

export interface SizeOptions {
  description: string
  default?: string
  /** Smallest and largest value, written as sizes. */
  atLeast: string
  atMost: string
  examples?: string[]
  pending?: string
}

/** Schema of a size such as `512B`, `64KiB`, `1MiB`; its bounds are checked by `sizeProblem`. */
export function Size(options: SizeOptions) {
  const remedy = `write a whole number and a unit (B, KiB, MiB, GiB) between ${options.atLeast} and ${options.atMost}, as in 64KiB`
  return Type.String({ pattern: sizePattern, format: 'weir-size', remedy, examples: ['64KiB'], ...options })
}

/** Bytes of a size that its schema has accepted. */
export function bytes(size: string): number {
  const match = new RegExp(sizePattern).exec(size)
  if (match === null) throw new Error(`${size} is not a size`)
  return Number(match[1]) * units[match[2]!]!
}

/** Why a size is out of its schema's bounds, if it is; one that is not well formed fails by its pattern. */
export function sizeProblem(
  value: string,
  schema: { atLeast?: string; atMost?: string },
): string | undefined {
  if (!new RegExp(sizePattern).test(value)) return undefined
  const { atLeast, atMost } = schema
  const size = bytes(value)
  if (atLeast !== undefined && size < bytes(atLeast)) return `is smaller than ${atLeast}`
  if (atMost !== undefined && size > bytes(atMost)) return `is larger than ${atMost}`
  return undefined
}
