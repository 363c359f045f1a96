import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limitsOf, limitsOver } from '../../src/compile/limits.ts'
import type { State } from '../../src/model/state.ts'
import { stateOf } from '../support/state-of.ts'

const policy = (name: string, limit: number) => ({
  ...{ kind: 'RateLimitPolicy', name },
  spec: { algorithm: 'fixed_window', limit, window: '1m', key: [{ client_ip: true }] },
})
const at = (revision: number, ...documents: object[]): State => ({ ...stateOf(documents)!, revision })

test('while Envoys are held at another state its policies are there, and the numbers of the newest count', () => {
  const newest = at(3, policy('kept', 30), policy('new', 1))
  const held = at(1, policy('kept', 10), policy('removed', 10))
  const { revision, rules } = limitsOver(newest, [held, newest])
  const numbers = [...rules].map(([name, rule]) => [name, (rule.numbers as { limit: number }).limit])
  assert.deepEqual(Object.fromEntries(numbers), { kept: 30, removed: 10, new: 1 })
  assert.equal(revision, 3)
  assert.deepEqual(limitsOver(newest, []), limitsOf(newest))
})
