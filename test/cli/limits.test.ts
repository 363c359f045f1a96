import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { sample, token } from '../support/admin.ts'
import { type LimitedAdmin, startLimitedAdmin } from '../support/limited-admin.ts'
import { weir } from '../support/run-weir.ts'
import { atTerminal } from '../support/terminal.ts'

const esc = '\u001b'
const policies = `
---
kind: RateLimitPolicy
name: per-tenant
spec: { algorithm: fixed_window, limit: 5, window: 1m, key: [{ header: x-tenant }] }
---
kind: RateLimitPolicy
name: all
spec: { algorithm: token_bucket, capacity: 100, refill: { tokens: 1, every: 1h }, key: [{ constant: all }] }
---
kind: Route
name: tenants
spec:
  gateways: [edge]
  match: { path: { prefix: /t }, methods: [POST] }
  forward: [{ cluster: echo }]
  rateLimits: [per-tenant, all]
`

const guarded = `
kind: OutlierDetectionPolicy
name: strict
spec: { breaker: { errorRate: 50, window: 10, open: 30s } }
---
kind: Cluster
name: guarded
spec: { endpoints: [], outlierDetection: strict }
---
kind: Route
name: guarded
spec: { gateways: [edge], match: { path: { prefix: /guarded } }, forward: [{ cluster: guarded }] }
`

describe('weir explain and weir limits', () => {
  let admin: LimitedAdmin
  const environment = () => ({ WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token })
  const run = (...args: string[]) => weir(args, { environment: environment() })
  const json = async (first: string, ...args: string[]) => {
    const { stdout, stderr } = await run(first, ...args.toSpliced(1, 0, '-o', 'json'))
    assert.notEqual(stdout, '', stderr)
    return JSON.parse(stdout)
  }
  const request = (tenant: string) => ['edge', '/t//a', '-X', 'POST', '-H', `X-Tenant: ${tenant}`]

  before(async () => {
    admin = await startLimitedAdmin()
    await admin.apply(sample + policies)
    for (const tenant of ['a', 'b', 'b', 'b', 'b', 'b', 'b', 'b']) {
      const { body } = await admin.call('POST', '/v1/explain', {
        ...{ gateway: 'edge', path: '/t', method: 'POST', headers: { 'x-tenant': tenant } },
      })
      admin.count(body.rateLimitRequests)
    }
  })
  after(() => admin.close())

  test('explain 0: the route, each policy, the status', async () => {
    const { code, stdout, stderr } = await run('explain', ...request('b'))
    assert.equal(code, 0, stderr)
    assert.match(
      stdout,
      /^ROUTE: {3}tenants\nREQUEST: edge\/http: POST \/t\/a of localhost from 127\.0\.0\.1\n\n/,
    )
    assert.match(stdout, /\nPOLICY +VERDICT +NUMBERS +FROM +LEFT +KEY +ID +REASON\n/)
    assert.match(
      stdout,
      /\nper-tenant +denied +5 in 1m +policy +0 of 5 +header:x-tenant=b +[A-P][A-Za-z0-9_-]{21} +\S/,
    )
    assert.match(stdout, /\nall +admitted +100 tokens, 1 in 1h +policy +94 of 100 +constant=all +/)
    assert.match(stdout, /\nSTATUS: {2}429: per-tenant refuses it\n$/)
  })

  test('explain 0: as JSON and YAML; options as curl has them', async () => {
    const answer = await json(
      ...[
        'explain',
        'edge',
        '/t',
        '-X',
        'POST',
        '-H',
        'x-tenant: c',
        '-H',
        'X-Tenant:d',
        '-H',
        'Host: a.example',
      ],
      ...['--client-ip', '10.0.0.1', '--listener', 'http'],
    )
    assert.deepEqual(answer.request, {
      ...{ gateway: 'edge', listener: 'http', method: 'POST', host: 'a.example', path: '/t' },
      clientIp: '10.0.0.1',
    })
    assert.equal(answer.decision.limits[0].key.parts[0].value, 'c')
    const yaml = await run('explain', 'edge', '/none', '-o', 'yaml', '--host', 'b.example')
    const { route, request: asked } = parse(yaml.stdout)
    assert.deepEqual([route.name, asked.host], ['echo', 'b.example'])
  })

  test('explain 0: the strict breaker of where it goes, and what is asked about it', async () => {
    await admin.apply(guarded)
    const { stdout } = await run('explain', 'edge', '/guarded')
    assert.match(
      stdout,
      /\nREQUEST: [^\n]+\nBREAKER: unknown: of cluster guarded, by strict\nSTATUS: {2}200: /,
    )
    const { breakers, rateLimitRequests } = await json('explain', 'edge', '/guarded')
    assert.deepEqual(breakers, [{ cluster: 'guarded', policy: 'strict', state: 'unknown', warnings: [] }])
    assert.deepEqual(
      rateLimitRequests.map(({ domain }: { domain: string }) => domain),
      ['weir/breaker'],
    )
  })

  test('explain 1: what is wrong with the request, and what to write', async () => {
    const gateway = await run('explain', 'egde', '/')
    assert.deepEqual([gateway.code, gateway.stdout], [1, ''])
    assert.match(gateway.stderr, /^weir: \/gateway: there is no gateway "egde" \(did you mean "edge"/)
    assert.equal((await run('explain', 'edge', '/', '--client-ip', 'x')).code, 1)
  })

  test('limits top 0: once where it is no terminal, of all policies or of one', async () => {
    const { code, stdout } = await run('limits', 'top')
    assert.equal(code, 0)
    const lines = stdout.trimEnd().split('\n')
    assert.match(lines[0]!, /^POLICY +STATE +USED +LEFT +RESET +ADMITTED +DENIED +NUMBERS +ID +KEY$/)
    assert.match(lines[1]!, /^per-tenant +throttled +5 +0 of 5 +\d+s +5 +2 +5 in 1m +\S+ +header:x-tenant=b$/)
    assert.match(lines[2]!, /^all +free +6 +94 of 100 +\d+s +6 +0 +100 tokens, 1 in 1h +\S+ +constant=all$/)
    assert.equal(lines.length, 4)
    const one = await json('limits', 'top', 'per-tenant', '-n', '1')
    assert.deepEqual([one.length, one[0].policy, one[0].state], [1, 'per-tenant', 'throttled'])
    const none = await run('limits', 'top', 'per-tennant')
    assert.equal(none.code, 1)
    assert.match(none.stderr, /`weir get rate-limit-policies` lists/)
  })

  test('limits top 0: what is busy is shown while the store is away, without what only that knows', async () => {
    admin.away(true)
    try {
      const { code, stdout, stderr } = await run('limits', 'top')
      assert.equal(code, 0, stderr)
      const lines = stdout.trimEnd().split('\n')
      assert.match(lines[1]!, /^per-tenant +5 +2 +5 in 1m +\S+ +header:x-tenant=b$/)
      assert.match(lines[2]!, /^all +6 +0 +100 tokens, 1 in 1h +\S+ +constant=all$/)
      const [{ id, ...busy }] = await json('limits', 'top', 'per-tenant', '-n', '1')
      assert.deepEqual(Object.keys(busy).sort(), ['limit', 'numbers', 'parts', 'policy', 'recent'])
      const peeked = await run('limits', 'peek', 'per-tenant', id)
      assert.match(peeked.stderr, /A counter cannot be read now/)
    } finally {
      admin.away(false)
    }
  })

  test('limits peek, grant, reset 0: one counter', async () => {
    const [{ id }] = await json('limits', 'top', 'per-tenant')
    assert.equal((await json('limits', 'peek', 'per-tenant', id)).used, 5)
    const granted = await run('limits', 'grant', 'per-tenant', id, '2')
    assert.equal(granted.code, 0, granted.stderr)
    assert.match(
      granted.stdout,
      /^STATE +USED +LEFT +RESET +NUMBERS +KEY +ID\nfree +3 +2 of 5 +\d+s +5 in 1m +/,
    )
    assert.equal((await json('limits', 'reset', 'per-tenant', id)).used, 0)
    const idle = await run('limits', 'reset', 'per-tenant', id)
    assert.equal(idle.code, 1)
    assert.match(idle.stderr, /nothing to forget\. \(`weir limits top per-tenant` lists those in use\)/)
    const none = await run('limits', 'peek', 'per-tenant', 'nothing')
    assert.equal(none.code, 1)
    assert.match(
      none.stderr,
      /"nothing" is no id of a counter\. \(`weir limits top` and `weir explain` say ids\)/,
    )
  })

  test('limits top draws over itself at a terminal until Ctrl-C, and leaves without a word', async () => {
    const args = ['weir', 'limits', 'top', 'all', '--interval', '100ms']
    const { code, shown } = await atTerminal(args, {
      environment: environment(),
      steps: [
        { await: 'constant=all', send: '' },
        { await: `${esc}[2A`, send: '' },
        { await: 'constant=all', send: '\u0003' },
      ],
      columns: 200,
    })
    assert.equal(code, 130, shown)
    assert.doesNotMatch(shown, /weir:|Error/)
    const once = await atTerminal([...args, '--once'], { environment: environment(), columns: 200 })
    assert.equal(once.code, 0, once.shown)
    assert.equal(once.shown.includes(`${esc}[2A`), false)
  })

  test('complete: gateways, policies, counters', async () => {
    const patient = { ...environment(), WEIR_COMPLETION_TIMEOUT: '60s' }
    const complete = async (...words: string[]) =>
      (await weir(['complete', '--', ...words], { environment: patient })).stdout.trimEnd().split('\n')
    assert.deepEqual(await complete('explain', ''), ['edge'])
    assert.deepEqual(await complete('limits', 'top', 'per'), ['per-key', 'per-tenant'])
    assert.deepEqual(await complete('limits', 'gr'), ['grant'])
    const ids = await complete('limits', 'peek', 'per-tenant', '')
    assert.equal(ids.length, 2)
    for (const id of ids) assert.match(id, /^[A-P][A-Za-z0-9_-]{21}$/)
  })
})
