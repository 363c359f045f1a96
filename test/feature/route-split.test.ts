import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { sendEach } from '../support/send-each.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let stable: Upstream
let canary: Upstream

before(async () => {
  ;[stable, canary] = await Promise.all([startUpstream('stable'), startUpstream('canary')])
  edge = await startEdge()
  await edge.apply(cluster('stable', stable), cluster('canary', canary))
})

after(async () => {
  await edge?.stop()
  await Promise.all([stable?.close(), canary?.close()])
})

const split = (...weights: [number, number]) => [
  { cluster: 'stable', weight: weights[0] },
  { cluster: 'canary', weight: weights[1] },
]

test('90/10 over 10,000 requests is 88.5 to 91.5 percent', async () => {
  await edge.apply(route('split', '/split', { forward: split(90, 10) }))
  const answers = await sendEach(edge.port, Array(10_000).fill({ path: '/split' }))
  const share = answers.filter(({ upstream }) => upstream === 'stable').length / answers.length
  assert.ok(answers.every(({ status }) => status === 200))
  assert.ok(share >= 0.885 && share <= 0.915, `${share}`)
})

describe('clients stay on their part of a split', () => {
  test('by a header', async () => {
    await edge.apply(
      route('by-user', '/by-user', { forward: split(50, 50), hash: [{ on: 'header', name: 'X-User' }] }),
    )
    const users = Array.from({ length: 100 }, (_, user) => ({
      path: '/by-user',
      headers: { 'x-user': `u${user}` },
    }))
    const first = await sendEach(edge.port, users)
    const second = await sendEach(edge.port, users)
    const parts = first.map(({ upstream }) => upstream)
    assert.deepEqual(
      second.map(({ upstream }) => upstream),
      parts,
    )
    assert.equal(new Set(parts).size, 2, 'both parts are used')
  })

  test('by a cookie that Envoy gives, until their part gets no more', async () => {
    const hash = [{ on: 'cookie', name: 'group', ttl: '1h' }]
    await edge.apply(route('by-cookie', '/by-cookie', { forward: split(50, 50), hash }))
    const drawn = await sendEach(edge.port, Array(60).fill({ path: '/by-cookie' }))
    assert.equal(new Set(drawn.map(({ upstream }) => upstream)).size, 2, 'both parts are used')
    for (const { upstream, headers } of drawn) {
      const [given] = headers['set-cookie']!
      assert.match(given!, /^group=[\w-]{12}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=3600$/)
      const back = { path: '/by-cookie', headers: { cookie: `a=b; ${given!.split(';')[0]}` } }
      const again = await edge.send(back)
      assert.equal(again.upstream, upstream)
      assert.equal(again.headers['set-cookie'], undefined, 'no second cookie')
    }
    const onCanary = drawn.find(({ upstream }) => upstream === 'canary')!.headers['set-cookie']![0]!
    await edge.apply(route('by-cookie', '/by-cookie', { forward: split(100, 0), hash }))
    const moved = await edge.send({ path: '/by-cookie', headers: { cookie: onCanary.split(';')[0]! } })
    assert.equal(moved.upstream, 'stable')
  })
})
