/** An exact fraction. The denominator is positive; nothing is reduced, equal denominators are kept. */
export interface Fraction {
  readonly numerator: bigint
  readonly denominator: bigint
}

export const zero: Fraction = { numerator: 0n, denominator: 1n }

export function fraction(numerator: bigint, denominator = 1n): Fraction {
  if (denominator <= 0n) throw new RangeError('a fraction needs a positive denominator')
  return { numerator, denominator }
}

export function add(a: Fraction, b: Fraction): Fraction {
  if (a.denominator === b.denominator) return fraction(a.numerator + b.numerator, a.denominator)
  // One that divides the other is the common case, and keeps a long replay from growing its numbers.
  if (a.denominator % b.denominator === 0n) return add(a, extend(b, a.denominator / b.denominator))
  if (b.denominator % a.denominator === 0n) return add(extend(a, b.denominator / a.denominator), b)
  return add(extend(a, b.denominator), extend(b, a.denominator))
}

export function subtract(a: Fraction, b: Fraction): Fraction {
  return add(a, fraction(-b.numerator, b.denominator))
}

export function times(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.numerator, a.denominator * b.denominator)
}

export function atLeast(a: Fraction, b: Fraction): boolean {
  return a.numerator * b.denominator >= b.numerator * a.denominator
}

export function larger(a: Fraction, b: Fraction): Fraction {
  return atLeast(a, b) ? a : b
}

export function smaller(a: Fraction, b: Fraction): Fraction {
  return atLeast(a, b) ? b : a
}

/** The largest whole number that is not above. */
export function floor({ numerator, denominator }: Fraction): bigint {
  const quotient = numerator / denominator
  return numerator % denominator < 0n ? quotient - 1n : quotient
}

/** The smallest whole number that is not below. */
export function ceiling({ numerator, denominator }: Fraction): bigint {
  return -floor(fraction(-numerator, denominator))
}

const largestWhole = 2n ** 53n - 1n

/**
 * The smallest multiple of `grain` that is not below: what an edit keeps. No state counts beyond 2^53 - 1: usage that
 * was left by much larger numbers is cut there.
 */
export function roundUp(value: Fraction, grain: Fraction): Fraction {
  const count = ceiling(fraction(value.numerator * grain.denominator, value.denominator * grain.numerator))
  return fraction((count < largestWhole ? count : largestWhole) * grain.numerator, grain.denominator)
}

function extend({ numerator, denominator }: Fraction, by: bigint): Fraction {
  return fraction(numerator * by, denominator * by)
}
