import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LimitNumbers, LimitRule } from '../../src/model/limit-rule.ts'
import { questionOf } from '../../src/ratelimit/decision/question.ts'
import { createKeyHasher } from '../../src/ratelimit/identity/counter-identity.ts'
import { createRuleBook } from '../../src/ratelimit/rules/rule-book.ts'
import { fixed, limitRule, limitsOf } from '../support/limit-rules.ts'
import { descriptor } from '../support/rate-limit-service.ts'

const bucket: LimitNumbers = { algorithm: 'token_bucket', capacity: 5, refill: { tokens: 1, everyMs: 1_000 } }

test('a hit knows its key’s counter by later rules', () => {
  const book = createRuleBook({ clock: () => 1_000_000_000, onSlower: () => undefined })
  const hasher = createKeyHasher([1, 2, 3, 4])
  const hit = () => {
    const question = questionOf({ domain: 'edge' }, descriptor('p'), book, hasher)
    assert.ok(question.kind === 'counted')
    return question.hit
  }
  const load = (...rules: LimitRule[]) => book.set(limitsOf(rules))
  load(limitRule('p', fixed(5, 1_000)))
  const first = hit()
  load(limitRule('p', bucket))
  const { counter, rule, former } = hit()
  const latest = first.latest?.()
  assert.deepEqual([latest?.counter, latest?.rule], [counter, rule])
  assert.deepEqual(latest?.former?.(), former?.())
  assert.deepEqual(latest?.former?.()[0]?.counter, first.counter)
  // What is counted by something else, or no longer, is no counter of this key.
  load(limitRule('p', bucket, { key: [{ kind: 'path' }] }))
  assert.equal(first.latest?.(), undefined)
  load()
  assert.equal(first.latest?.(), undefined)
})
