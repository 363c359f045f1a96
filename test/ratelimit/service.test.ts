import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseList } from 'structured-headers'
import { WeirError } from '../../src/errors.ts'
import { createRateLimitService } from '../../src/ratelimit/service.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import { fixed, limitRule } from '../support/limit-rules.ts'
import { descriptor, header, setUpService as setUp } from '../support/rate-limit-service.ts'

const perKey = limitRule('per-key', fixed(2), { key: [{ kind: 'header', name: 'x-api-key' }] })
const perClient = limitRule('per-client', fixed(3), { key: [{ kind: 'client_ip' }] })
const constant = limitRule('all', fixed(1), { key: [{ kind: 'constant', value: 'x' }] })
const pair = limitRule('pair', fixed(1), {
  key: [
    { kind: 'header', name: 'a' },
    { kind: 'header', name: 'b' },
  ],
})

describe('rate-limit service', () => {
  test('admits the limit, then denies, and tells the client by structured fields', () => {
    const { ask, pass } = setUp([perKey])
    const first = ask(descriptor('per-key', { 'header:x-api-key': 'k' }))
    assert.equal(first.overall_code, 'OK')
    assert.equal(header(first, 'RateLimit-Policy'), '"per-key";q=2;w=10')
    assert.equal(header(first, 'RateLimit'), '"per-key";r=1;t=10')
    assert.equal(header(first, 'Retry-After'), undefined)
    pass(2.5)
    ask(descriptor('per-key', { 'header:x-api-key': 'k' }))
    const denied = ask(descriptor('per-key', { 'header:x-api-key': 'k' }))
    assert.equal(denied.overall_code, 'OVER_LIMIT')
    assert.equal(header(denied, 'Retry-After'), '8')
    const [item, parameters] = parseList(header(denied, 'RateLimit')!)[0]!
    assert.equal(item, 'per-key')
    assert.deepEqual(Object.fromEntries(parameters), { r: 0, t: 8 })
    pass(7.5)
    assert.equal(ask(descriptor('per-key', { 'header:x-api-key': 'k' })).overall_code, 'OK')
  })

  test('a denial by one policy takes from none', () => {
    const { ask } = setUp([perKey, perClient])
    const both = () =>
      ask(
        descriptor('per-key', { 'header:x-api-key': 'k' }),
        descriptor('per-client', { remote_address: '10.0.0.1' }),
      )
    both()
    both()
    for (let index = 0; index < 5; index++) assert.equal(both().overall_code, 'OVER_LIMIT')
    const client = ask(descriptor('per-client', { remote_address: '10.0.0.1' }))
    assert.equal(header(client, 'RateLimit'), '"per-client";r=0;t=10')
  })

  test('requests without the header share one counter that no value reaches', () => {
    const { ask } = setUp([perKey])
    ask(descriptor('per-key'))
    ask(descriptor('per-key'))
    assert.equal(ask(descriptor('per-key')).overall_code, 'OVER_LIMIT')
    for (const value of ['', '-', 'undefined', '0:']) {
      assert.equal(ask(descriptor('per-key', { 'header:x-api-key': value })).overall_code, 'OK', value)
    }
  })

  test('key values are compared byte for byte, and never run into each other', () => {
    const { ask } = setUp([pair])
    const ok = (a: Buffer | string, b: Buffer | string) =>
      ask(descriptor('pair', { 'header:a': a, 'header:b': b })).overall_code
    assert.equal(ok('a|b', 'c'), 'OK')
    assert.equal(ok('a', 'b|c'), 'OK')
    assert.equal(ok('1:a', 'x'), 'OK')
    assert.equal(ok(Buffer.from([0xff]), 'x'), 'OK')
    assert.equal(ok(Buffer.from([0xfe]), 'x'), 'OK')
    assert.equal(ok(Buffer.from([0xff]), 'x'), 'OVER_LIMIT')
    assert.equal(ok('A', 'x'), 'OK')
    assert.equal(ok('a', 'x'), 'OK')
    assert.equal(ok('x'.repeat(10_000), 'x'), 'OK')
    assert.equal(ok(`${'x'.repeat(9_999)}y`, 'x'), 'OK')
  })

  test('an IPv6 client is its /64', () => {
    const { ask } = setUp([{ ...perClient, numbers: fixed(1) }])
    const ok = (address: string) => ask(descriptor('per-client', { remote_address: address })).overall_code
    assert.equal(ok('2001:db8:1:2::1'), 'OK')
    assert.equal(ok('2001:db8:1:2:ffff::2'), 'OVER_LIMIT')
    assert.equal(ok('2001:db8:1:3::1'), 'OK')
    assert.equal(ok('::ffff:10.0.0.9'), 'OK')
    assert.equal(ok('10.0.0.9'), 'OVER_LIMIT')
    assert.equal(ok('::1'), 'OK')
    assert.equal(ok('10.0.0.1'), 'OK')
    assert.equal(ok('10.0.0.1'), 'OVER_LIMIT')
  })

  test('a lowered limit denies at once, a raised one gives the difference', () => {
    const { ask, load } = setUp([perKey])
    ask(descriptor('per-key', { 'header:x-api-key': 'k' }))
    ask(descriptor('per-key', { 'header:x-api-key': 'k' }))
    load([{ ...perKey, numbers: fixed(1) }])
    assert.equal(ask(descriptor('per-key', { 'header:x-api-key': 'k' })).overall_code, 'OVER_LIMIT')
    load([{ ...perKey, numbers: fixed(4) }])
    const response = ask(descriptor('per-key', { 'header:x-api-key': 'k' }))
    assert.equal(header(response, 'RateLimit'), '"per-key";r=1;t=10')
  })

  test('a changed key starts anew, even where the values are the same or missing', () => {
    const { ask, load } = setUp([{ ...perKey, numbers: fixed(1) }])
    ask(descriptor('per-key'))
    assert.equal(ask(descriptor('per-key')).overall_code, 'OVER_LIMIT')
    load([{ ...perKey, numbers: fixed(1), key: [{ kind: 'header', name: 'x-tenant' }] }])
    assert.equal(ask(descriptor('per-key')).overall_code, 'OK')
  })

  test('a cost above the limit is denied without Retry-After', () => {
    const { service } = setUp([perKey])
    const response = service.decide({ domain: 'edge', descriptors: [descriptor('per-key')], hits_addend: 3 })
    assert.ok(!(response instanceof Promise))
    assert.equal(response.overall_code, 'OVER_LIMIT')
    assert.equal(header(response, 'Retry-After'), undefined)
  })

  test('a policy that is gone limits nothing, and is noticed', () => {
    const { ask, events } = setUp([constant])
    assert.deepEqual(ask(descriptor('gone')), {
      overall_code: 'OK',
      statuses: [{ code: 'OK' }],
      response_headers_to_add: [],
    })
    assert.equal(events.filter(({ event }) => event === 'unknown_policy').length, 1)
  })

  test('counters are the fleet’s: every gateway’s requests meet the same ones', () => {
    const { ask, service } = setUp([constant])
    assert.equal(ask(descriptor('all')).overall_code, 'OK')
    const elsewhere = service.decide({ domain: 'internal', descriptors: [descriptor('all')] })
    assert.ok(!(elsewhere instanceof Promise))
    assert.equal(elsewhere.overall_code, 'OVER_LIMIT')
  })

  test('before any rules are known it says that it cannot answer', () => {
    const service = createRateLimitService({
      store: createMemoryStore({ clock: () => 1, maxCounters: 1 }),
      clock: () => 1,
      key: Buffer.alloc(16),
      observe: () => undefined,
    })
    assert.throws(
      () => service.decide({ domain: 'edge' }),
      (error) => error instanceof WeirError && error.code === 'unavailable',
    )
  })

  test('requests beyond the bounds are refused', () => {
    const { service } = setUp([constant])
    const many = Array.from({ length: 65 }, () => descriptor('all'))
    assert.throws(() => service.decide({ domain: 'edge', descriptors: many }), /at most 64 descriptors/)
    const wide = { entries: Array.from({ length: 65 }, () => ({ key: 'a', value: Buffer.from('b') })) }
    assert.throws(() => service.decide({ domain: 'edge', descriptors: [wide] }), /at most 64 entries/)
  })
})
