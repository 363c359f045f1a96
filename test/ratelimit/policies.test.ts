import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LimitRule } from '../../src/model/limit-rule.ts'
import { fixed, limitRule } from '../support/limit-rules.ts'
import { descriptor, header, setUpService as setUp } from '../support/rate-limit-service.ts'

const tenant = (name: string) => ({ 'header:x-tenant': name })
const base = limitRule('base', fixed(2))

describe('shadow', () => {
  const shadow: LimitRule = { ...base, policy: 'shadow', numbers: fixed(1), mode: 'shadow' }

  test('never refuses, never shows, and counts what passes', () => {
    const { ask, events } = setUp([shadow])
    for (let index = 0; index < 3; index++) {
      const response = ask(descriptor('shadow', tenant('a')))
      assert.equal(response.overall_code, 'OK')
      assert.deepEqual(response.response_headers_to_add, [])
    }
    const results = events.flatMap((event) => (event.event === 'decision' ? [event.result] : []))
    assert.deepEqual(results, ['shadow_admitted', 'shadow_denied', 'shadow_denied'])
  })

  test('takes nothing from a request that an enforced policy refuses', () => {
    const { ask, events } = setUp([{ ...base, numbers: fixed(0) }, shadow])
    ask(descriptor('shadow', tenant('a')), descriptor('base', tenant('a')))
    assert.equal(ask(descriptor('shadow', tenant('a'))).overall_code, 'OK')
    const results = events.flatMap((event) => (event.event === 'decision' ? [event.result] : []))
    assert.deepEqual(results, ['shadow_not_counted', 'denied', 'shadow_admitted'])
  })

  test('a share of the keys is enforced, always the same ones', () => {
    const { ask } = setUp([{ ...base, numbers: fixed(0), percent: 25 }])
    const codes = () =>
      Array.from({ length: 1_000 }, (_, index) => ask(descriptor('base', tenant(`t${index}`))).overall_code)
    const first = codes()
    const denied = first.filter((code) => code === 'OVER_LIMIT').length
    // Binomial with 1,000 draws: six deviations are 82.
    assert.ok(Math.abs(denied - 250) < 82, `${denied}`)
    assert.deepEqual(codes(), first)
    for (const [percent, expected] of [
      [0, 0],
      [100, 1_000],
    ] as const) {
      const { ask: again } = setUp([{ ...base, numbers: fixed(0), percent }])
      const all = Array.from({ length: 1_000 }, (_, index) => again(descriptor('base', tenant(`t${index}`))))
      assert.equal(all.filter(({ overall_code }) => overall_code === 'OVER_LIMIT').length, expected)
    }
  })
})

describe('a part of the key is missing', () => {
  test('skip: the request is not limited, and the client is told of nothing', () => {
    const { ask } = setUp([{ ...base, numbers: fixed(0), onMissing: 'skip' }])
    const response = ask(descriptor('base'))
    assert.equal(response.overall_code, 'OK')
    assert.deepEqual(response.response_headers_to_add, [])
    assert.equal(ask(descriptor('base', tenant('a'))).overall_code, 'OVER_LIMIT')
  })

  test('deny: it is refused without a time to wait, and counts nowhere', () => {
    const other = limitRule('other', fixed(1))
    const { ask } = setUp([{ ...base, onMissing: 'deny' }, other])
    const response = ask(descriptor('base'), descriptor('other', tenant('a')))
    assert.equal(response.overall_code, 'OVER_LIMIT')
    assert.equal(header(response, 'RateLimit-Policy'), '"base";q=2;w=10, "other";q=1;w=10')
    assert.equal(header(response, 'RateLimit'), '"base";r=0, "other";r=1;t=10')
    assert.equal(header(response, 'Retry-After'), undefined)
    assert.equal(ask(descriptor('other', tenant('a'))).overall_code, 'OK')
  })

  test('deny in shadow: it passes', () => {
    const { ask } = setUp([{ ...base, onMissing: 'deny', mode: 'shadow' }])
    assert.equal(ask(descriptor('base')).overall_code, 'OK')
  })
})

describe('cost', () => {
  const costly = (text: string | undefined) => {
    const { ask } = setUp([{ ...base, numbers: fixed(10), cost: { header: 'x-cost' } }])
    const entries: Record<string, string> = text === undefined ? {} : { 'header:x-cost': text }
    return header(ask(descriptor('base', { ...tenant('a'), ...entries })), 'RateLimit')
  }

  for (const [text, left] of [
    ['3', 7],
    ['003', 7],
    ['0', 9],
    [undefined, 9],
    ['', 9],
    ['-1', 9],
    ['3.5', 9],
    ['1e1', 9],
    ['4294967296', 9],
    ['99999999999999999999', 9],
  ] as const) {
    test(`a header of ${text ?? 'nothing'} leaves ${left} of 10`, () => {
      assert.equal(costly(text), `"base";r=${left};t=10`)
    })
  }

  test('a header beyond the limit is refused without a time to wait', () => {
    const { ask } = setUp([{ ...base, cost: { header: 'x-cost' } }])
    const response = ask(descriptor('base', { ...tenant('a'), 'header:x-cost': '2147483648' }))
    assert.equal(response.overall_code, 'OVER_LIMIT')
    assert.equal(header(response, 'Retry-After'), undefined)
  })

  test('a policy’s own number counts, unless the request says one', () => {
    const { ask } = setUp([{ ...base, numbers: fixed(10), cost: 4 }])
    assert.equal(header(ask(descriptor('base', tenant('a'))), 'RateLimit'), '"base";r=6;t=10')
    assert.equal(header(ask(descriptor('base', tenant('a'), 1)), 'RateLimit'), '"base";r=5;t=10')
    assert.equal(header(ask(descriptor('base', tenant('a'), 0)), 'RateLimit'), '"base";r=5;t=10')
  })
})

describe('keys', () => {
  const left = (part: LimitRule['key'][number], ...targets: Record<string, string>[]) => {
    const { ask } = setUp([{ ...base, numbers: fixed(10), key: [part] }])
    return targets.map(
      (entries) => header(ask(descriptor('base', entries)), 'RateLimit')!.match(/r=(\d+)/)![1],
    )
  }

  test('a query parameter in its plain form, the first of a name', () => {
    const seen = left(
      { kind: 'query', name: 'k y' },
      { ':path': '/a?k+y=a%20b' },
      { ':path': '/b?x=1&%6b%20y=a+b&k+y=c' },
      { ':path': '/a?k+y=a%2Bb' },
      { ':path': '/a' },
      { ':path': '/a?' },
      { ':path': '/a?k+y' },
      { ':path': '/a?k+y=' },
    )
    assert.deepEqual(seen, ['9', '8', '9', '9', '8', '9', '8'])
  })

  test('the path without its query', () => {
    assert.deepEqual(left({ kind: 'path' }, { ':path': '/a?x' }, { ':path': '/a' }, { ':path': '/A' }), [
      '9',
      '8',
      '9',
    ])
  })

  test('a cookie, the first of a name', () => {
    const seen = left(
      { kind: 'cookie', name: 'sid' },
      { cookie: 'a=b; sid=1' },
      { cookie: 'sid=1;sid=2' },
      { cookie: 'xsid=1' },
      {},
    )
    assert.deepEqual(seen, ['9', '8', '9', '8'])
  })

  test('a cookie behind a comma, which stands between lines, ends one, and may be one’s own', () => {
    const seen = (...cookies: string[]) =>
      left({ kind: 'cookie', name: 'sid' }, {}, ...cookies.map((cookie) => ({ cookie }))).slice(1)
    assert.deepEqual(seen('sid=1', 'a=b,sid=1', ',sid=1', 'a=b, c=d,sid=1', 'a=b,c=d;sid=1'), [
      ...['9', '8', '7', '6', '5'],
    ])
    assert.deepEqual(seen('sid=1', 'sid=1,sid=2', 'sid=1,x', 'sid=1,', 'sid=1,x=2;sid=3'), [
      ...['9', '8', '7', '6', '5'],
    ])
    assert.deepEqual(seen('a=b,sid=1;sid=1', 'sid=1', 'a=b,sid=1,sid=1;c=d'), ['9', '8', '7'])
    // Which of them the upstream takes cannot be known: they share a counter, which is not that of those who have none.
    assert.deepEqual(seen('a=b,sid=1;sid=2', 'a=b,sid=3,sid=2', 'a=b,sid=4;c=d,sid=2'), ['9', '8', '7'])
  })

  test('an IPv6 client by its /64, in one spelling', () => {
    const { explain } = setUp([{ ...base, key: [{ kind: 'client_ip' }] }])
    const shown = (address: string) =>
      explain(descriptor('base', { remote_address: address })).verdicts[0]!.key!.parts![0]
    for (const [address, value] of [
      ['2001:db8::1', '2001:db8::/64'],
      ['2001:DB8:0:0:ffff::', '2001:db8::/64'],
      ['::1', '::/64'],
      ['1:0:0:4:5:6:7:8', '1:0:0:4::/64'],
      ['::ffff:10.0.0.1', '10.0.0.1'],
    ] as const)
      assert.deepEqual(shown(address), { part: 'client_ip', value })
  })

  test('the plan is the consumer’s', () => {
    const { ask } = setUp([{ ...base, key: [{ kind: 'plan' }] }], {
      plans: new Map([
        ['acme', 'gold'],
        ['umbrella', 'gold'],
      ]),
    })
    const r = (consumer: string) => header(ask(descriptor('base', { consumer })), 'RateLimit')
    assert.equal(r('acme'), '"base";r=1;t=10')
    assert.equal(r('umbrella'), '"base";r=0;t=10')
    assert.equal(r('nobody'), '"base";r=1;t=10')
  })
})

describe('overrides and plans', () => {
  const rule: LimitRule = {
    ...base,
    numbers: fixed(1),
    plans: new Map([['gold', fixed(100)]]),
    overrides: [
      { part: { kind: 'header', name: 'x-tenant' }, value: { prefix: 'a' }, numbers: fixed(10) },
      { part: { kind: 'header', name: 'x-tenant' }, value: { prefix: 'ab' }, numbers: fixed(20) },
      { part: { kind: 'header', name: 'x-tenant' }, value: { exact: 'abc' }, numbers: fixed(30) },
      { part: { kind: 'method' }, value: { exact: 'POST' }, numbers: fixed(40) },
      { part: { kind: 'client_ip' }, value: { cidr: '10.0.0.0/8' }, numbers: fixed(50) },
      { part: { kind: 'client_ip' }, value: { cidr: '10.1.0.0/16' }, numbers: fixed(60) },
      { part: { kind: 'client_ip' }, value: { exact: '2001:DB8::1' }, numbers: fixed(70) },
      { part: { kind: 'client_ip' }, value: { cidr: '2001:db8::/32' }, numbers: fixed(80) },
      { part: { kind: 'client_ip' }, value: { cidr: '12.0.0.1' }, numbers: fixed(90) },
    ],
  }
  const plans = new Map([['acme', 'gold']])

  for (const [entries, limit] of [
    [{}, 1],
    [{ 'header:x-tenant': 'zz' }, 1],
    [{ 'header:x-tenant': 'zz', consumer: 'acme' }, 100],
    [{ 'header:x-tenant': 'zz', consumer: 'nobody' }, 1],
    [{ 'header:x-tenant': 'axe', consumer: 'acme' }, 10],
    [{ 'header:x-tenant': 'abbot' }, 20],
    [{ 'header:x-tenant': 'abc' }, 30],
    [{ 'header:x-tenant': 'abcd' }, 20],
    [{ 'header:x-tenant': 'abc', ':method': 'POST' }, 30],
    [{ ':method': 'POST', remote_address: '10.9.9.9' }, 40],
    [{ remote_address: '10.9.9.9' }, 50],
    [{ remote_address: '10.1.9.9' }, 60],
    [{ remote_address: '11.1.9.9' }, 1],
    [{ remote_address: '12.0.0.1' }, 90],
    [{ remote_address: '12.0.0.2' }, 1],
    [{ remote_address: '2001:db8:0::1' }, 70],
    [{ remote_address: '2001:db8::2' }, 80],
    [{ remote_address: '2001:db9::1' }, 1],
    [{ remote_address: '10.1.9.9', 'header:x-tenant': 'ab' }, 60],
  ] as [Record<string, string>, number][]) {
    test(`${JSON.stringify(entries)} may have ${limit}`, () => {
      const { ask } = setUp([rule], { plans })
      const told = header(ask(descriptor('base', entries)), 'RateLimit-Policy')
      assert.equal(told, `"base";q=${limit};w=10`)
    })
  }

  test('other numbers are not another counter', () => {
    const { ask } = setUp([rule], { plans })
    assert.equal(ask(descriptor('base', tenant('zz'))).overall_code, 'OK')
    assert.equal(ask(descriptor('base', tenant('zz'))).overall_code, 'OVER_LIMIT')
    const gold = ask(descriptor('base', { ...tenant('zz'), consumer: 'acme' }))
    assert.equal(header(gold, 'RateLimit'), '"base";r=98;t=10')
  })
})

describe('what a refused client gets', () => {
  const response = {
    status: 503,
    headers: { 'x-limit': '{limit} of {policy}' },
    body: '{"error":"{policy}","wait":{retryAfter},"left":{remaining},"reset":{reset},"other":"{other}"}',
  }

  test('status by metadata, headers, and a body with its placeholders filled in', () => {
    const { ask } = setUp([{ ...base, numbers: fixed(0), response }])
    const answer = ask(descriptor('base', tenant('a')))
    assert.equal(header(answer, 'x-limit'), '0 of base')
    assert.equal(
      answer.raw_body?.toString(),
      '{"error":"base","wait":,"left":0,"reset":10,"other":"{other}"}',
    )
    assert.deepEqual(answer.dynamic_metadata, {
      fields: {
        status: { stringValue: '503' },
        policy: { stringValue: 'base' },
        plan: { stringValue: '' },
        limit: { numberValue: 0 },
      },
    })
  })

  test('a header of the policy takes the place of the usual one', () => {
    const own = { ...response, headers: { 'retry-after': '7' } }
    const { ask } = setUp([{ ...base, numbers: fixed(0), response: own }])
    const told = ask(
      descriptor('base', tenant('a'), 0),
      descriptor('base', tenant('a')),
    ).response_headers_to_add
    assert.deepEqual(
      told.filter(({ key }) => key.toLowerCase() === 'retry-after'),
      [{ key: 'retry-after', value: '7' }],
    )
    assert.ok(told.some(({ key }) => key === 'RateLimit'))
  })

  test('the first policy that denied says it', () => {
    const first = { ...base, policy: 'first', numbers: fixed(1) }
    const second = { ...base, policy: 'second', numbers: fixed(0), response }
    const third = { ...base, policy: 'third', numbers: fixed(0), response: { ...response, status: 418 } }
    const { ask } = setUp([first, second, third])
    const answer = ask(...['first', 'second', 'third'].map((policy) => descriptor(policy, tenant('a'))))
    assert.deepEqual((answer.dynamic_metadata as { fields: Record<string, unknown> }).fields.status, {
      stringValue: '503',
    })
  })

  test('x-ratelimit headers are those of the tightest policy that wants them', () => {
    const wide = { ...base, policy: 'wide', numbers: fixed(9), xRateLimitHeaders: true }
    const tight = { ...base, policy: 'tight', numbers: fixed(5), xRateLimitHeaders: true }
    const { ask } = setUp([wide, tight, base])
    const answer = ask(...['wide', 'tight', 'base'].map((policy) => descriptor(policy, tenant('a'))))
    const told = ['limit', 'remaining', 'reset'].map((name) => header(answer, `x-ratelimit-${name}`))
    assert.deepEqual(told, ['5', '4', '10'])
  })
})

describe('a leaky bucket', () => {
  const leaky = limitRule('leaky', {
    algorithm: 'leaky_bucket',
    queue: 2,
    rate: { requests: 3, everyMs: 1_000 },
  })

  test('tells Envoy how long a request waits, in milliseconds rounded up', () => {
    const { ask } = setUp([leaky])
    const delays = Array.from({ length: 4 }, () => {
      const answer = ask(descriptor('leaky', tenant('a')))
      return answer.overall_code === 'OK' ? (answer.request_headers_to_add?.[0]?.value ?? '0') : 'refused'
    })
    assert.deepEqual(delays, ['0', '334', '667', 'refused'])
  })

  test('in shadow holds nobody up', () => {
    const { ask } = setUp([{ ...leaky, mode: 'shadow' }])
    for (let index = 0; index < 4; index++)
      assert.equal(ask(descriptor('leaky', tenant('a'))).request_headers_to_add, undefined)
  })
})

describe('edits', () => {
  test('another algorithm starts with what was used', () => {
    const { ask, load } = setUp([{ ...base, numbers: fixed(10) }])
    for (let index = 0; index < 4; index++) ask(descriptor('base', tenant('a')))
    const token = { algorithm: 'token_bucket', capacity: 10, refill: { tokens: 1, everyMs: 1_000 } } as const
    load([{ ...base, numbers: token }])
    assert.equal(header(ask(descriptor('base', tenant('a'))), 'RateLimit'), '"base";r=5;t=5')
    assert.equal(header(ask(descriptor('base', tenant('b'))), 'RateLimit'), '"base";r=9;t=1')
    load([{ ...base, numbers: fixed(10) }])
    assert.equal(header(ask(descriptor('base', tenant('a'))), 'RateLimit'), '"base";r=4;t=10')
  })

  test('twice in a row before the next request: nothing is lost', () => {
    const { ask, load } = setUp([{ ...base, numbers: fixed(10) }])
    for (let index = 0; index < 4; index++) ask(descriptor('base', tenant('a')))
    load([{ ...base, numbers: { algorithm: 'sliding_window', limit: 10, windowMs: 10_000 } }])
    const token = { algorithm: 'token_bucket', capacity: 10, refill: { tokens: 1, everyMs: 1_000 } } as const
    load([{ ...base, numbers: token }])
    assert.equal(header(ask(descriptor('base', tenant('a'))), 'RateLimit'), '"base";r=5;t=5')
  })
})

describe('large usage and small numbers', () => {
  const day = 86_400_000
  const token = (capacity: number) =>
    ({ algorithm: 'token_bucket', capacity, refill: { tokens: capacity, everyMs: day } }) as const
  const leaky = (queue: number, requests: number, everyMs: number) =>
    ({ algorithm: 'leaky_bucket', queue, rate: { requests, everyMs } }) as const

  test('an edit that is undone gives nothing back', () => {
    const { ask, load, pass } = setUp([{ ...base, numbers: token(200_000) }])
    ask(descriptor('base', tenant('a'), 200_000))
    ask(descriptor('base', tenant('b'), 200_000))
    pass(1)
    load([{ ...base, numbers: token(100) }])
    // One is looked at between the edits, the other is not.
    const denied = ask(descriptor('base', tenant('a')))
    assert.equal(header(denied, 'Retry-After'), String(Math.ceil(((200_000 - 99) * 86_400) / 100 - 2_000)))
    pass(1)
    load([{ ...base, numbers: token(200_000) }])
    for (const name of ['a', 'b'])
      assert.equal(header(ask(descriptor('base', tenant(name))), 'RateLimit')?.match(/r=(\d+)/)?.[1], '1')
  })

  test('waits keep their time under another rate', () => {
    const { ask, load } = setUp([{ ...base, numbers: leaky(4, 1, 60_000) }])
    for (let index = 0; index < 5; index++) ask(descriptor('base', tenant('a')))
    load([{ ...base, numbers: leaky(4, 1_000_000_000, 3_600_000) }])
    assert.equal(header(ask(descriptor('base', tenant('a'))), 'RateLimit'), '"base";r=0;t=300')
    load([{ ...base, numbers: leaky(4, 1, 60_000) }])
    assert.equal(header(ask(descriptor('base', tenant('a'))), 'RateLimit'), '"base";r=0;t=300')
  })
})

describe('what a peer makes up', () => {
  test('names of gateways are no labels of metrics', () => {
    const { service, events } = setUp([base])
    for (const domain of ['edge', 'made up'])
      void service.decide({ domain, descriptors: [descriptor('base', tenant('a'))] })
    const gateways = events.flatMap((event) => (event.event === 'decision' ? [event.gateway] : []))
    assert.deepEqual(gateways, ['edge', ''])
  })

  test('names that are no ASCII are found', () => {
    const key = [{ kind: 'query', name: 'größe' }] as const
    const { ask } = setUp([{ ...base, key }])
    for (const path of ['/?gr%C3%B6%C3%9Fe=1', '/?größe=1', '/?a=b&gr%c3%b6%c3%9fe=1'])
      ask(descriptor('base', { ':path': path }))
    assert.equal(ask(descriptor('base', { ':path': '/?größe=1' })).overall_code, 'OVER_LIMIT')
    assert.equal(ask(descriptor('base', { ':path': '/?größe=2' })).overall_code, 'OK')
  })

  test('in a full store keys in shadow take nothing from those that are enforced', () => {
    const fill = { ...base, policy: 'fill' }
    const half = { ...base, policy: 'half', numbers: fixed(1), percent: 50 }
    const { ask } = setUp([fill, half])
    for (let index = 0; index < 3_000; index++) ask(descriptor('fill', tenant(`t${index}`)))
    const codes = Array.from({ length: 3_000 }, (_, index) => ask(descriptor('half', tenant(`h${index}`))))
    const shared = codes.filter(({ overall_code }) => overall_code === 'OVER_LIMIT').length
    // About half of them are enforced, and all but a few share one counter of 1.
    assert.ok(shared > 0 && shared < 1_600, `${shared}`)
  })
})

describe('operators', () => {
  test('read a counter without changing what is decided', async () => {
    const { ask, explain, load, service } = setUp([{ ...base, numbers: fixed(5) }])
    for (let index = 0; index < 3; index++) ask(descriptor('base', tenant('a')))
    const token5 = {
      algorithm: 'token_bucket',
      capacity: 5,
      refill: { tokens: 1, everyMs: 3_600_000 },
    } as const
    load([{ ...base, numbers: token5 }])
    const before = explain(descriptor('base', tenant('a'))).verdicts[0]!
    await service.peek('base', before.key!.id)
    await service.busyKeys('base', 10)
    assert.deepEqual(explain(descriptor('base', tenant('a'))).verdicts[0], before)
  })

  test('are told where it is not known which numbers are in force', async () => {
    const plans = new Map([['gold', fixed(100)]])
    const { explain, service } = setUp([{ ...base, plans }])
    const { id } = explain(descriptor('base', tenant('a'))).verdicts[0]!.key!
    for (const asked of [service.peek('base', id), service.grant('base', id, 1)])
      await assert.rejects(async () => asked, { code: 'conflict', message: /not known/ })
    assert.equal(await service.reset('base', id), false)
  })

  const token = { algorithm: 'token_bucket', capacity: 5, refill: { tokens: 1, everyMs: 3_600_000 } } as const

  test('see, and give back to, a counter that was carried over and not used since', async () => {
    const { ask, explain, load, service } = setUp([{ ...base, numbers: fixed(5) }])
    for (let index = 0; index < 5; index++) ask(descriptor('base', tenant('a')))
    load([{ ...base, numbers: token }])
    const { id } = explain(descriptor('base', tenant('a'))).verdicts[0]!.key!
    assert.equal((await service.peek('base', id))?.view?.used, 5)
    assert.deepEqual(
      (await service.busyKeys('base', 5))?.map(({ key, view }) => [key.id, view?.used]),
      [[id, 5]],
    )
    assert.equal(await service.grant('base', id, 2), true)
    assert.equal(header(ask(descriptor('base', tenant('a'))), 'RateLimit')?.match(/r=(\d+)/)?.[1], '1')
    load([{ ...base, numbers: fixed(5) }])
    const again = explain(descriptor('base', tenant('a'))).verdicts[0]!.key!.id
    assert.equal(await service.reset('base', again), true)
    assert.equal(header(ask(descriptor('base', tenant('a'))), 'RateLimit'), '"base";r=4;t=10')
  })

  test('see the numbers of now', async () => {
    const { ask, explain, load, service } = setUp([{ ...base, numbers: fixed(5) }])
    for (let index = 0; index < 3; index++) ask(descriptor('base', tenant('a')))
    load([{ ...base, numbers: fixed(1) }])
    const { id } = explain(descriptor('base', tenant('a'))).verdicts[0]!.key!
    const report = await service.peek('base', id)
    assert.deepEqual([report?.view?.used, report?.view?.remaining, report?.numbers], [3, 0, fixed(1)])
  })
})

describe('explain', () => {
  test('says what decide would, and takes nothing', () => {
    const { ask, explain } = setUp([base])
    const question = () => explain(descriptor('base', tenant('a')))
    for (let index = 0; index < 5; index++) question()
    const [verdict] = question().verdicts
    assert.equal(verdict?.result, 'admitted')
    assert.equal(verdict?.reason, '2 of 2 in 10s left, the window ends in 10 s')
    assert.deepEqual(verdict?.key?.parts, [{ part: 'header:x-tenant', value: 'a' }])
    ask(descriptor('base', tenant('a')))
    ask(descriptor('base', tenant('a')))
    const refused = question()
    assert.deepEqual({ ...refused, verdicts: [] }, { admitted: false, status: 429, verdicts: [] })
    assert.equal(refused.verdicts[0]?.retryAfter, 10_000_000)
  })

  test('names a counter so that no command takes it for an option', () => {
    const { explain } = setUp([base])
    for (let index = 0; index < 500; index++) {
      const { id } = explain(descriptor('base', tenant(`t${index}`))).verdicts[0]!.key!
      assert.match(id, /^[A-P][A-Za-z0-9_-]{21}$/)
    }
  })

  test('never shows a credential', () => {
    const key = [
      { kind: 'header', name: 'authorization' },
      { kind: 'cookie', name: 'sid' },
      { kind: 'query', name: 'token' },
    ] as const
    const { explain } = setUp([{ ...base, key }], { credentials: new Set(['query:token']) })
    const secret = { 'header:authorization': 'hush-1', cookie: 'sid=hush-2', ':path': '/?token=hush-3' }
    const text = JSON.stringify(explain(descriptor('base', secret)))
    assert.ok(text.includes('query:token') && !text.includes('hush'), text)
  })
})
