import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bounds } from '../../src/xds/bounds.ts'
import { Memories } from '../../src/xds/memories.ts'
import { stillClock } from './plain.ts'

const node = (id: string, version = '1.40.0') => ({ gateway: 'edge', id, version })
const bad = { version: '1', error: 'bad' }

test('what a node rejected is remembered for its next stream, but not for another node or build', () => {
  const memories = new Memories(stillClock)
  const first = memories.open(node('n'))
  first.memory.reject('t', 'r', bad)
  first.leave()
  for (const [other, version] of [
    [node('other'), undefined],
    [node('n', '1.41.0'), undefined],
    [{ ...node('n'), gateway: 'inner' }, undefined],
    [node('n'), '1'],
  ] as const) {
    assert.equal(memories.open(other).memory.rejection('t', 'r')?.version, version)
  }
})

test('of two live streams of one id, neither learns what the other refused or settled', () => {
  const memories = new Memories(stillClock)
  const [one, two] = [memories.open(node('n')), memories.open(node('n'))]
  one.memory.reject('t', 'r', bad)
  one.memory.doubt('t', 's', '1')
  two.memory.doubt('t', 's', '1')
  two.memory.settle('t', 's')
  assert.equal(two.memory.rejection('t', 'r'), undefined)
  assert.deepEqual(one.memory.doubts('t'), [['s', '1']])
})

test('a stream that claims the id of another and leaves makes nothing count as refused', () => {
  const memories = new Memories(stillClock)
  const real = memories.open(node('n'))
  const impostor = memories.open(node('n'))
  impostor.memory.reject('t', 'r', bad)
  impostor.leave()
  real.leave()
  assert.equal(memories.open(node('n')).memory.rejection('t', 'r'), undefined)
})

test('a new stream takes over the doubts of a live one, unanswered responses too: it may be its successor', () => {
  const memories = new Memories(stillClock)
  const old = memories.open(node('n'))
  old.doubtUnanswered = () => old.memory.doubt('t', 's', '2')
  old.memory.doubt('t', 'r', '1')
  const doubts = memories.open(node('n')).memory.doubts('t')
  assert.deepEqual(doubts, [
    ['r', '1'],
    ['s', '2'],
  ])
})

test('when two of one id are gone, the doubts of both await each of them', () => {
  const memories = new Memories(stillClock)
  const [one, two] = [memories.open(node('n')), memories.open(node('n'))]
  one.memory.doubt('t', 'r', '1')
  two.memory.doubt('t', 's', '2')
  one.leave()
  two.leave()
  const back = memories.open(node('n'))
  for (const name of ['r', 's']) back.memory.settle('t', name)
  back.leave()
  assert.equal(memories.open(node('n')).memory.doubts('t').length, 2)
})

test('what is remembered is forgotten after its time', () => {
  let now = 0
  const memories = new Memories({ ...stillClock, now: () => now })
  const first = memories.open(node('n'))
  first.memory.doubt('t', 'r', '1')
  first.leave()
  now = bounds.memoryMs - 1
  const second = memories.open(node('n'))
  assert.equal(second.memory.doubts('t').length, 1)
  second.leave()
  now += bounds.memoryMs
  assert.equal(memories.open(node('n')).memory.doubts('t').length, 0)
  assert.equal(memories.bytes, bounds.memoryNodeBytes)
})

test('one node remembers within its bytes: the oldest rejections give way first, then the oldest doubts', () => {
  const { memory } = new Memories(stillClock).open(node('n'))
  const long = 'x'.repeat(bounds.nameLength)
  memory.reject('t', 'r', bad)
  for (let n = 0; n < 2_000; n++) memory.doubt('t', `${n}${long}`, '1')
  assert.ok(memory.bytes <= bounds.memoryBytesPerNode && memory.bytes > bounds.memoryBytesPerNode - 2_000)
  assert.equal(memory.rejection('t', 'r'), undefined)
  assert.ok(memory.doubted('t', `1999${long}`) && !memory.doubted('t', `0${long}`))
  for (let n = 0; n < 2_000; n++)
    memory.reject('t', `${n}`, { version: '1', error: 'x'.repeat(bounds.nackLength) })
  assert.ok(memory.bytes <= bounds.memoryBytesPerNode)
})

test('all nodes together remember within their bytes: those that left first are forgotten first', () => {
  const memories = new Memories(stillClock)
  const fill = (id: string) => {
    const seat = memories.open(node(id))
    for (let n = 0; n < 1_000; n++) seat.memory.doubt('t', `${n}${'x'.repeat(900)}`, '1')
    return seat
  }
  for (let n = 0; n < 100; n++) fill(`n${n}`).leave()
  assert.ok(memories.bytes <= bounds.memoryBytes)
  assert.equal(memories.open(node('n0')).memory.doubts('t').length, 0)
  assert.equal(memories.open(node('n99')).memory.doubts('t').length, 1_000)
  const live = Array.from({ length: 100 }, (_, n) => fill(`live${n}`))
  const empty = (live.length + 2) * bounds.memoryNodeBytes
  assert.ok(memories.bytes <= bounds.memoryBytes + empty, 'live ones count too')
  for (const seat of live) seat.leave()
  for (let n = 0; n < bounds.nodesRemembered + 10; n++) memories.open(node(`m${n}`)).leave()
  assert.ok(
    memories.bytes <= (bounds.nodesRemembered + 2) * bounds.memoryNodeBytes + bounds.memoryBytesPerNode,
  )
})
