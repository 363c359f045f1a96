import { type Micros, rowNumbers } from '../../algorithms/algorithm.ts'
import type { BoundRule } from '../../algorithms/bound-rule.ts'

/** Bytes of a value: little-endian doubles, until when the counter is in use and then its numbers. */
const rowBytes = 8 * (1 + rowNumbers)

/** A counter as Redis holds it. */
export interface Row {
  readonly expiresAt: Micros
  readonly numbers: Float64Array
  /** Until then something of it may be given back; 0 for nothing. */
  readonly reservedUntil: Micros
  /** The cost that was given back of it while something may be. */
  readonly returned: number
}

/** Reads a value that a script answered; nothing where there was none. Throws for what is no counter. */
export function readRow(value: Buffer): Row | undefined {
  if (value.length === 0) return undefined
  const isReserved = value.length >= rowBytes + 16
  if (value.length !== rowBytes && !(isReserved && value.length % 8 === 0))
    throw new Error(`a counter in the store has ${value.length} bytes`)
  const numbers = new Float64Array(rowNumbers)
  for (let index = 0; index < rowNumbers; index++) numbers[index] = value.readDoubleLE(8 * (1 + index))
  return {
    expiresAt: value.readDoubleLE(0),
    numbers,
    reservedUntil: isReserved ? value.readDoubleLE(rowBytes) : 0,
    returned: isReserved ? value.readDoubleLE(rowBytes + 8) : 0,
  }
}

/** A state by the rule's algorithm. */
export function stateOf(row: Row, rule: BoundRule): unknown {
  return rule.unpack(row.numbers, 0)
}
