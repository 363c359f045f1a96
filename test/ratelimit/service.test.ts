import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseList } from 'structured-headers'
import { WeirError } from '../../src/errors.ts'
import type { LimitRule } from '../../src/model/limit-rule.ts'
import type { Event } from '../../src/observe.ts'
import type { RateLimitDescriptor, RateLimitResponse } from '../../src/ratelimit/messages.ts'
import { createRateLimitService } from '../../src/ratelimit/service.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'

const perKey: LimitRule = {
  policy: 'per-key',
  algorithm: 'fixed_window',
  limit: 2,
  windowMs: 10_000,
  key: [{ kind: 'header', name: 'x-api-key' }],
}
const perClient: LimitRule = { ...perKey, policy: 'per-client', limit: 3, key: [{ kind: 'client_ip' }] }
const constant: LimitRule = { ...perKey, policy: 'all', limit: 1, key: [{ kind: 'constant', value: 'x' }] }
const pair: LimitRule = {
  ...perKey,
  policy: 'pair',
  limit: 1,
  key: [
    { kind: 'header', name: 'a' },
    { kind: 'header', name: 'b' },
  ],
}

function setUp(rules: LimitRule[]) {
  let now = 1_000_000_000
  const events: Event[] = []
  const service = createRateLimitService({
    store: createMemoryStore({ clock: () => now, maxCounters: 1_000 }),
    hashKey: Buffer.alloc(32, 7),
    observe: (event) => void events.push(event),
  })
  const load = (next: LimitRule[]) =>
    service.setLimits({
      gateway: 'edge',
      revision: 1,
      rules: new Map(next.map((rule) => [rule.policy, rule])),
    })
  load(rules)
  const ask = (...descriptors: RateLimitDescriptor[]): RateLimitResponse => {
    const response = service.decide({ domain: 'edge', descriptors })
    assert.ok(!(response instanceof Promise))
    return response
  }
  return {
    service,
    ask,
    load,
    events,
    pass: (seconds: number) => {
      now += seconds * 1_000_000
    },
  }
}

function descriptor(policy: string, entries: Record<string, string | Buffer> = {}): RateLimitDescriptor {
  const all = { policy, ...entries }
  return { entries: Object.entries(all).map(([key, value]) => ({ key, value: Buffer.from(value) })) }
}

const header = (response: RateLimitResponse, name: string) =>
  response.response_headers_to_add.find(({ key }) => key === name)?.value

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
    const { ask } = setUp([{ ...perClient, limit: 1 }])
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
    load([{ ...perKey, limit: 1 }])
    assert.equal(ask(descriptor('per-key', { 'header:x-api-key': 'k' })).overall_code, 'OVER_LIMIT')
    load([{ ...perKey, limit: 4 }])
    const response = ask(descriptor('per-key', { 'header:x-api-key': 'k' }))
    assert.equal(header(response, 'RateLimit'), '"per-key";r=1;t=10')
  })

  test('a changed key starts anew, even where the values are the same or missing', () => {
    const { ask, load } = setUp([{ ...perKey, limit: 1 }])
    ask(descriptor('per-key'))
    assert.equal(ask(descriptor('per-key')).overall_code, 'OVER_LIMIT')
    load([{ ...perKey, limit: 1, key: [{ kind: 'header', name: 'x-tenant' }] }])
    assert.equal(ask(descriptor('per-key')).overall_code, 'OK')
  })

  test('a cost above the limit is denied without Retry-After', () => {
    const { service } = setUp([perKey])
    const response = service.decide({ domain: 'edge', descriptors: [descriptor('per-key')], hits_addend: 3 })
    assert.ok(!(response instanceof Promise))
    assert.equal(response.overall_code, 'OVER_LIMIT')
    assert.equal(header(response, 'Retry-After'), undefined)
  })

  test('a policy that is gone, and a gateway that is unknown, limit nothing and are noticed', () => {
    const { ask, service, events } = setUp([constant])
    assert.equal(ask(descriptor('gone')).overall_code, 'OK')
    assert.deepEqual(service.decide({ domain: 'other', descriptors: [descriptor('all')] }), {
      overall_code: 'OK',
      statuses: [{ code: 'OK' }],
      response_headers_to_add: [],
    })
    assert.equal(events.filter(({ event }) => event === 'unknown_policy').length, 2)
  })

  test('before any rules are known it says that it cannot answer', () => {
    const service = createRateLimitService({
      store: createMemoryStore({ clock: () => 1, maxCounters: 1 }),
      hashKey: Buffer.alloc(32),
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
