import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Hit } from '../../src/ratelimit/stores/counter-store.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import { restoreSnapshot, writeSnapshot } from '../../src/ratelimit/stores/memory/snapshot.ts'
import { replaceFile } from '../../src/ratelimit/stores/memory/snapshot-file.ts'
import { each, hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'

const second = 1_000_000
const start = 1_800_000_000 * second
const folder = fs.mkdtempSync(join(tmpdir(), 'weir-snapshot-'))
after(() => fs.rmSync(folder, { recursive: true }))
let files = 0

/** A store before a restart, and one after it. */
function setUp({ maxCounters = 1_000 } = {}) {
  let now = start
  const clock = () => now
  const path = join(folder, `counters-${files++}`)
  const before = createMemoryStore({ clock, maxCounters: 1_000_000 })
  const next = createMemoryStore({ clock, maxCounters })
  const common = { path, key: 'fingerprint', maxAgeMs: 60_000 }
  return {
    path,
    before,
    next,
    pass: (seconds: number) => {
      now += seconds * second
    },
    write: () => writeSnapshot({ ...common, counters: before.counters, now }),
    restore: (more: { key?: string } = {}) =>
      restoreSnapshot({ ...common, ...more, counters: next.counters, now }),
  }
}

const hour = 3_600_000

/** With a checksum that is right again. */
function signed(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4)
  return bytes
}

describe('a snapshot of the counters', () => {
  test('brings back every counter of every algorithm as it was, and is gone then', () => {
    const { path, before, next, pass, write, restore } = setUp()
    const hits = each(5, hour).flatMap((numbers) =>
      Array.from({ length: 100 }, (_, index) =>
        hitOn(`${numbers.algorithm} ${index}`, numbers, { cost: index % 5, policy: `p${index % 7}` }),
      ),
    )
    for (const hit of hits) before.take([hit])
    pass(20)
    const { counters, bytes } = write()
    // A fifth of them costs nothing.
    assert.equal(counters, 320)
    assert.equal(fs.statSync(path).size, bytes)
    assert.equal(fs.statSync(path).mode & 0o777, 0o600)
    pass(20)
    assert.deepEqual(restore(), { result: 'restored', counters: 320, expired: 0, refused: 0 })
    assert.equal(fs.existsSync(path), false)
    assert.deepEqual(
      fs.readdirSync(folder).filter((name) => name.endsWith('.new')),
      [],
    )
    for (const hit of hits) {
      const view = next.peek(hit.policy, hit.counter, hit.rule)
      assert.deepEqual(view, before.peek(hit.policy, hit.counter, hit.rule))
      assert.deepEqual(next.take([{ ...hit, cost: 1 }]), before.take([{ ...hit, cost: 1 }]))
    }
    assert.deepEqual(
      next.counters.shares
        .list()
        .map(({ policy, held }) => [policy, held])
        .sort(),
      before.counters.shares
        .list()
        .map(({ policy, held }) => [policy, held])
        .sort(),
    )
    assert.deepEqual(restore(), { result: 'absent' })
  })

  test('counters go when they would have gone', () => {
    const { before, next, pass, write, restore } = setUp()
    before.take([hitOn('over before', fixed(5, 1_000)), hitOn('over meanwhile', fixed(5, 10_000))])
    before.take([hitOn('live', fixed(5, 100_000))])
    pass(5)
    assert.equal(write().counters, 2)
    pass(20)
    assert.deepEqual(restore(), { result: 'restored', counters: 1, expired: 1, refused: 0 })
    pass(100)
    for (let index = 0; index < 10; index++) next.take([hitOn('other', fixed(5, 100_000))])
    assert.equal(next.size(), 1)
  })

  test('counters that an edit keeps are kept over the restart, too', () => {
    const { before, next, pass, write, restore } = setUp()
    const hit = hitOn('a', fixed(5, 1_000))
    before.take([hit])
    before.keep('p', 50 * second)
    pass(10)
    assert.equal(write().counters, 1)
    assert.deepEqual(restore(), { result: 'restored', counters: 1, expired: 0, refused: 0 })
    for (let index = 0; index < 10; index++) next.take([hitOn('other', fixed(5, 1_000), { policy: 'q' })])
    assert.equal(next.size(), 2)
    pass(50)
    for (let index = 0; index < 10; index++) next.take([hitOn('other', fixed(5, 1_000), { policy: 'q' })])
    assert.equal(next.size(), 1)
  })

  test('an empty store has one, too', () => {
    const { write, restore } = setUp()
    assert.equal(write().counters, 0)
    assert.deepEqual(restore(), { result: 'restored', counters: 0, expired: 0, refused: 0 })
  })

  test('a newer one takes the place of an older, whatever its rights', () => {
    const { path, before, write, restore } = setUp()
    fs.writeFileSync(path, 'something else', { mode: 0o644 })
    fs.writeFileSync(`${path}.new`, 'left by a crash', { mode: 0o644 })
    before.take([hitOn('a', fixed(5, hour))])
    write()
    assert.equal(fs.statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(restore(), { result: 'restored', counters: 1, expired: 0, refused: 0 })
  })

  test('what cannot be written leaves the one before as it was', () => {
    const { path, before, write, restore } = setUp()
    before.take([hitOn('a', fixed(5, hour))])
    write()
    before.take([hitOn('b', fixed(5, hour))])
    fs.mkdirSync(`${path}.new`)
    assert.throws(write, { code: 'EISDIR' })
    assert.deepEqual(restore(), { result: 'restored', counters: 1, expired: 0, refused: 0 })
  })

  test('one that fails halfway leaves nothing beside the one before', () => {
    const path = join(folder, 'halfway')
    fs.writeFileSync(path, 'before')
    const fail = () =>
      replaceFile(path, (append) => {
        append(Buffer.from('half'))
        throw new Error('no more')
      })
    assert.throws(fail, /no more/)
    assert.equal(fs.readFileSync(path, 'utf8'), 'before')
    assert.equal(fs.existsSync(`${path}.new`), false)
  })

  test('rows of an algorithm that is not known are refused', () => {
    const { path, before, next, write, restore } = setUp()
    for (const numbers of each(5, hour)) before.take([hitOn(numbers.algorithm, numbers)])
    write()
    const bytes = fs.readFileSync(path)
    bytes.write('sliding_mirror', bytes.indexOf('sliding_window'))
    fs.writeFileSync(path, signed(bytes))
    assert.deepEqual(restore(), { result: 'restored', counters: 3, expired: 0, refused: 1 })
    assert.equal(next.size(), 3)
  })

  test('rows beyond what a full store holds are refused', () => {
    const { before, next, write, restore } = setUp({ maxCounters: 10 })
    for (let index = 0; index < 50; index++) before.take([hitOn(`${index}`, fixed(5, hour))])
    write()
    assert.deepEqual(restore(), { result: 'restored', counters: 20, expired: 0, refused: 30 })
    assert.equal(next.size(), 20)
  })

  test('many are written and read in chunks', () => {
    const { before, next, write, restore } = setUp({ maxCounters: 200_000 })
    const rule = bindRule(fixed(5, hour))
    // More than two chunks, the last of them not full.
    const rows = 150_000
    const hit = (index: number): Hit => ({
      ...hitOn('', rule, { cost: 1 + (index % 5) }),
      counter: { a: Math.imul(index, 0x9e3779b1), b: Math.imul(index, 0x85ebca6b), c: index, d: 0 },
    })
    for (let index = 0; index < rows; index++) before.take([hit(index)])
    assert.equal(write().counters, rows)
    assert.deepEqual(restore(), { result: 'restored', counters: rows, expired: 0, refused: 0 })
    for (const index of [0, 1, 65_535, 65_536, 131_071, 131_072, rows - 1]) {
      assert.equal(next.peek('p', hit(index).counter, rule)!.used, 1 + (index % 5))
    }
  })
})

describe('a snapshot that is ignored', () => {
  /** What is done to the file of one counter, and the reason that is told. */
  function ignored(change: (bytes: Buffer) => Buffer | string, reason: string, more: { key?: string } = {}) {
    const { path, before, next, write, restore } = setUp()
    before.take([hitOn('a', fixed(5, hour))])
    write()
    fs.writeFileSync(path, change(fs.readFileSync(path)))
    assert.deepEqual(restore(more), { result: 'ignored', reason })
    assert.equal(next.size(), 0)
    assert.equal(fs.existsSync(path), false)
  }

  test('one of another key', () =>
    ignored((bytes) => bytes, 'its ids were hashed with another key', { key: 'x' }))

  test('one that is too old, or of a clock that was far ahead', () => {
    for (const [seconds, reason] of [
      [60, undefined],
      [61, 'it is 61 s old'],
      [-60, undefined],
      [-61, 'it is of 61 s from now'],
    ] as const) {
      const { before, next, pass, write, restore } = setUp()
      before.take([hitOn('a', fixed(5, hour))])
      write()
      pass(seconds)
      const restored = restore()
      assert.equal(restored.result === 'ignored' ? restored.reason : undefined, reason)
      assert.equal(next.size(), reason === undefined ? 1 : 0)
    }
  })

  test('one of another format', () => {
    ignored((bytes) => {
      bytes.writeUInt32LE(2, 8)
      return signed(bytes)
    }, 'its format is 2, not 1')
  })

  test('what is no snapshot', () => {
    ignored(() => '', 'it is cut off')
    ignored(() => 'abc', 'it is cut off')
    ignored(() => 'hello, world', 'it is damaged')
    ignored(() => signed(Buffer.from('hello, world')), 'it is no snapshot of counters')
    ignored(() => signed(Buffer.from('hello, world, this is no snapshot')), 'it is no snapshot of counters')
  })

  test('one that was cut anywhere', () => {
    const { path, before, next, write, restore } = setUp()
    before.take([hitOn('a', fixed(5, hour)), hitOn('b', fixed(5, hour))])
    write()
    const whole = fs.readFileSync(path)
    for (let length = 0; length < whole.length; length++) {
      fs.writeFileSync(path, whole.subarray(0, length))
      assert.equal(restore().result, 'ignored', `${length} of ${whole.length}`)
    }
    assert.equal(next.size(), 0)
  })

  test('one of which any byte is another', () => {
    const { path, before, next, write, restore } = setUp()
    before.take([hitOn('a', fixed(5, hour)), hitOn('b', fixed(5, hour))])
    write()
    const whole = fs.readFileSync(path)
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 1 << (at % 8)
      fs.writeFileSync(path, bytes)
      assert.equal(restore().result, 'ignored', `byte ${at}`)
    }
    assert.equal(next.size(), 0)
  })

  test('a folder in its place', () => {
    const { path, restore } = setUp()
    fs.mkdirSync(path)
    assert.equal(restore().result, 'ignored')
  })
})
