import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../src/observe.ts'
import { throttleCuts } from '../../src/observers/throttle.ts'

const cut = (rule: string, peer: string): Event => ({ event: 'lane_cut', rule, peer })

test('of many cuts of one address by one rule the first is passed on, and later how many followed', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const events: Event[] = []
  const observe = throttleCuts((event) => events.push(event))
  for (let port = 1; port <= 1_000; port++) observe(cut('preface', `10.0.0.1:${port}`))
  observe(cut('preface', '10.0.0.2:1'))
  observe({ event: 'stopping', reason: 'x' })
  assert.deepEqual(events.splice(0), [
    cut('preface', '10.0.0.1:1'),
    cut('preface', '10.0.0.2:1'),
    { event: 'stopping', reason: 'x' },
  ])
  t.mock.timers.tick(10_000)
  assert.deepEqual(events.splice(0), [{ ...cut('preface', '10.0.0.1:1000'), cuts: 999 }])
  observe(cut('preface', '10.0.0.1:1'))
  assert.equal(events.length, 1)
})

test('addresses beyond those that are remembered are one', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const events: Event[] = []
  const observe = throttleCuts((event) => events.push(event))
  for (let index = 0; index < 5_000; index++) observe(cut('preface', `10.0.${index >> 8}.${index & 255}:1`))
  assert.equal(events.length, 1_025)
})
