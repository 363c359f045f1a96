/**
 * Arithmetic on whole numbers below 2^53. A quotient of two of them differs from a whole number by at least 1/divisor,
 * which is more than a double can be off: rounding it up or down is exact.
 */

/** More than anything waits for: 285 years in microseconds. Larger results stop here. */
export const most = Number.MAX_SAFE_INTEGER

export function divideUp(value: number, divisor: number): number {
  return Math.ceil(value / divisor)
}

export function divideDown(value: number, divisor: number): number {
  return Math.floor(value / divisor)
}

/** value x factor / divisor, rounded up and at most `most`, exact even where the product is no whole double. */
export function scaleUp(value: number, factor: number, divisor: number): number {
  const product = value * factor
  if (product <= most) return divideUp(product, divisor)
  const by = BigInt(divisor)
  const scaled = (BigInt(value) * BigInt(factor) + by - 1n) / by
  return scaled > BigInt(most) ? most : Number(scaled)
}

/** value x factor / divisor, rounded down and at most `most`, exact even where the product is no whole double. */
export function scaleDown(value: number, factor: number, divisor: number): number {
  const product = value * factor
  if (product <= most) return divideDown(product, divisor)
  const scaled = (BigInt(value) * BigInt(factor)) / BigInt(divisor)
  return scaled > BigInt(most) ? most : Number(scaled)
}

/** What is left of a level that falls by `rate` a tick. Never multiplies beyond the level, however long the time. */
export function drain(level: number, rate: number, ticks: number): number {
  return ticks >= divideUp(level, rate) ? 0 : level - ticks * rate
}

/** Microseconds of whole ticks, at most `most`. */
export function micros(ticks: number, unit: number): number {
  return Math.min(most, ticks * unit)
}
