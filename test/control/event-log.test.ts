import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createEventLog, type EventReader } from '../../src/control/event-log.ts'
import type { FleetEvent } from '../../src/model/fleet-event.ts'

const revision = (number: number): FleetEvent => {
  return { type: 'revision', at: '2026-01-01T00:00:00.000Z', revision: number }
}

/** Everything that there is to read: numbers of revisions, or `lost`. */
function rest(reader: EventReader): (number | 'lost')[] {
  const all: (number | 'lost')[] = []
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    all.push(next === 'lost' ? next : (next.event as { revision: number }).revision)
  }
  return all
}

describe('the log of events', () => {
  test('is read from now on, or from an event on', () => {
    const log = createEventLog(10)
    log.append(revision(1))
    const after = log.newest()
    const reader = log.reader()
    assert.deepEqual(rest(reader), [])
    log.append(revision(2))
    log.append(revision(3))
    assert.deepEqual(rest(reader), [2, 3])
    assert.deepEqual(rest(reader), [])
    assert.deepEqual(rest(log.reader(after)), [2, 3])
    assert.deepEqual(rest(log.reader(log.newest())), [])
  })

  test('every event has the id by which one reads on after it', () => {
    const log = createEventLog(10)
    const start = log.newest()
    for (const number of [1, 2, 3]) log.append(revision(number))
    const reader = log.reader(start)
    for (const expected of [[2, 3], [3], []]) {
      const next = reader.next()
      assert.ok(typeof next === 'object')
      assert.deepEqual(rest(log.reader(next.id)), expected)
    }
  })

  test('what is older than it keeps is lost, once, and what is kept follows', () => {
    const log = createEventLog(3)
    const start = log.newest()
    const reader = log.reader()
    for (let number = 1; number <= 7; number++) log.append(revision(number))
    assert.deepEqual(rest(log.reader(start)), ['lost', 5, 6, 7])
    assert.deepEqual(rest(reader), ['lost', 5, 6, 7])
    log.append(revision(8))
    assert.deepEqual(rest(reader), [8])
  })

  test('an id of another process, of the future or of no form loses what was before', () => {
    const log = createEventLog(3)
    log.append(revision(1))
    const [own] = log.newest().split('.')
    for (const id of [createEventLog().newest(), `${own}.2`, `${own}.01`, `${own}.-1`, `${own}.`, '', 'x']) {
      assert.deepEqual(rest(log.reader(id)), ['lost', 1], id)
    }
  })

  test('followers are told once for all of a tick, until they leave', async () => {
    const log = createEventLog()
    let told = 0
    const leave = log.follow(() => told++)
    log.append(revision(1))
    log.append(revision(2))
    await new Promise(setImmediate)
    assert.equal(told, 1)
    leave()
    log.append(revision(3))
    await new Promise(setImmediate)
    assert.equal(told, 1)
  })
})
