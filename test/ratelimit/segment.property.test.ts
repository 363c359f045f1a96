import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { rowNumbers } from '../../src/ratelimit/algorithms/algorithm.ts'
import type { CounterId } from '../../src/ratelimit/identity/counter-id.ts'
import { Segment } from '../../src/ratelimit/stores/memory/segment.ts'

/**
 * Ids of few homes, the last slots of any size among them, so that runs are long and go around the end; and others that
 * differ in one word only.
 */
const id = fc.record({
  a: fc.constantFrom(0, -1),
  b: fc.oneof(fc.constantFrom(-1, -2, 0, 1), fc.integer({ min: -40, max: 40 })),
  c: fc.constantFrom(0, 1),
  d: fc.constantFrom(0, 7),
})
const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('insert' as const), id }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove' as const), id }) },
)

interface Row {
  id: CounterId
  expiresAt: number
  tag: number
  numbers: number[]
}

const operations = fc.array(operation, { size: 'max', maxLength: 400 })

describe('a segment of the counters', () => {
  test('holds what a map holds, through insertion, growth, deletion and shrinking', () => {
    const sizes = new Set<number>()
    const property = fc.property(operations, fc.boolean(), (asked, drained) => {
      const segment = new Segment()
      const model = new Map<string, Row>()
      for (const [step, { kind, id }] of asked.entries()) {
        if (kind === 'insert') insert(segment, model, id, step + 1)
        else remove(segment, model, id)
        sizes.add(segment.slots)
        if (step % 16 === 0) check(segment, model)
      }
      check(segment, model)
      if (!drained) return
      for (const row of [...model.values()]) {
        remove(segment, model, row.id)
        check(segment, model)
      }
      assert.equal(segment.slots, 16)
    })
    fc.assert(property, { numRuns: process.env.WEIR_LONG === '1' ? 20_000 : 300 })
    assert.ok(sizes.size >= 3, `${[...sizes]}`)
  })

  test('has no more slots than its rows need', () => {
    const segment = new Segment()
    for (let row = 1; row <= 3_072; row++) {
      segment.insert({ a: 0, b: Math.imul(row, 0x9e3779b1), c: row, d: 0 }, 1, 0)
    }
    assert.equal(segment.slots, 4_096)
    assert.equal(segment.rows, 3_072)
  })
})

const nameOf = ({ a, b, c, d }: CounterId) => [a, b, c, d].join()

function insert(segment: Segment, model: Map<string, Row>, id: CounterId, mark: number): void {
  if (model.has(nameOf(id))) return
  const row = { id: { ...id }, expiresAt: mark, tag: mark * 256 + 3, numbers: [mark, -mark, mark / 3, 0] }
  const slot = segment.insert(id, row.expiresAt, row.tag)
  segment.numbers.set(row.numbers, slot * rowNumbers)
  model.set(nameOf(id), row)
}

function remove(segment: Segment, model: Map<string, Row>, id: CounterId): void {
  const slot = segment.find(id)
  assert.equal(slot !== -1, model.delete(nameOf(id)))
  if (slot !== -1) segment.remove(slot)
}

function check(segment: Segment, model: ReadonlyMap<string, Row>): void {
  assert.equal(segment.rows, model.size)
  assert.ok(model.size * 4 <= segment.slots * 3)
  for (const row of model.values()) assert.deepEqual(rowAt(segment, segment.find(row.id)), row)
  let filled = 0
  for (const expiresAt of segment.expires) filled += Number(expiresAt !== 0)
  assert.equal(filled, model.size)
}

function rowAt(segment: Segment, slot: number): Row {
  return {
    id: segment.idAt(slot),
    expiresAt: segment.expires[slot]!,
    tag: segment.tags[slot]!,
    numbers: [...segment.numbers.subarray(slot * rowNumbers, (slot + 1) * rowNumbers)],
  }
}
