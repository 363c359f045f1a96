import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countedSince } from '../../src/local/limit-outcomes.ts'

const counters = (counts: Record<string, number>) =>
  new Map(Object.entries(counts).map(([name, count]) => [`cluster.${name}`, count]))

test('counters of all clusters are summed by outcome, from one reading to the next', () => {
  const before = counters({ 'a.ratelimit.ok': 5, 'a.ratelimit.error': 1, 'b.c.ratelimit.ok': 2 })
  const now = counters({ 'a.ratelimit.ok': 9, 'a.ratelimit.error': 1, 'b.c.ratelimit.ok': 4 })
  assert.deepEqual(countedSince(before, now), {
    ok: 6,
    over_limit: 0,
    error: 0,
    failure_mode_allowed: 0,
    refused_locally: 0,
  })
})

test('a cluster that is gone takes nothing away, and one that begins anew counts from 0', () => {
  const before = counters({ 'a.ratelimit.ok': 5, 'b.ratelimit.failure_mode_allowed': 7 })
  const now = counters({ 'b.ratelimit.failure_mode_allowed': 3 })
  assert.deepEqual(countedSince(before, now), {
    ok: 0,
    over_limit: 0,
    error: 0,
    failure_mode_allowed: 3,
    refused_locally: 0,
  })
})

test('what was refused without a question counts by itself', () => {
  const named = (count: number) => new Map([['http.edge.local.http_local_rate_limit.enforced', count]])
  assert.equal(countedSince(named(3), named(10)).refused_locally, 7)
})
