import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { type LoadOptions, startLoad } from '../support/load/load.ts'
import { patient } from '../support/rate-limits.ts'
import { issuer } from '../support/tokens.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** How often the whole of the edits is gone through. */
const rounds = process.env.WEIR_LONG === '1' ? 60 : 4

let edge: Edge
let upstream: Upstream

const [ours, theirs] = [issuer('https://ours.example'), issuer('https://theirs.example')]
const jwt = (by: 'ours' | 'theirs', more: object = {}) => ({
  issuer: `https://${by}.example`,
  jwks: { inline: (by === 'ours' ? ours : theirs).jwks },
  ...more,
})
const policy = (name: string, spec: object) => ({ kind: 'AuthPolicy', name, spec })
const desk = (...auth: string[]) => route('desk', '/desk', auth.length === 0 ? {} : { auth })

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge(patient)
  await edge.apply(cluster('a', upstream), policy('staff', { jwt: jwt('ours') }), desk('staff'))
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

const load = (token: string, expected: number[]) =>
  startLoad({
    ...{ port: edge.port, path: '/desk', ratePerSecond: 250, expected },
    headers: { authorization: `Bearer ${token}` },
    kinds: { keptAlive: 3, http2: 1 } satisfies LoadOptions['kinds'],
  })

/** Applies edits one after the other, some times over, while each of the tokens meets nothing but its statuses. */
async function during(edits: (object | object[])[], tokens: Record<string, [token: string, ...number[]]>) {
  const loads = await Promise.all(
    Object.entries(tokens).map(async ([name, [token, ...statuses]]) => {
      return [name, await load(token, statuses)] as const
    }),
  )
  for (let round = 0; round < rounds; round++) {
    for (const edit of edits) await edge.apply(...[edit].flat())
  }
  for (const [name, each] of loads) {
    const { ok, failures } = await each.stop()
    assert.deepEqual(failures, [], name)
    assert.ok(ok >= 20, `${name}: ${ok} requests`)
  }
}

describe('no request meets a state that never was', () => {
  test('while a policy is renamed, changed, doubled, and its route goes between policies', async () => {
    const edits = [
      [policy('people', { jwt: jwt('ours') }), desk('people')],
      policy('people', { jwt: jwt('ours', { headers: { 'x-user': 'sub' } }) }),
      policy('people', { jwt: jwt('ours', { audiences: ['shop', 'desk'] }), deny: { methods: ['DELETE'] } }),
      [policy('readers', { jwt: jwt('ours', { claims: { role: ['reader'] } }) }), desk('people', 'readers')],
      desk('readers'),
      [policy('staff', { jwt: jwt('ours') }), desk('staff')],
    ]
    const forged = issuer('https://ours.example').token()
    await during(edits, { good: [ours.token(), 200], forged: [forged, 401], none: ['', 401] })
  })

  test('while it comes to believe another issuer, in other claims', async () => {
    const [a, b] = [
      { jwt: jwt('ours', { claims: { role: ['lead'] } }) },
      { jwt: jwt('theirs', { claims: { role: ['clerk'] } }) },
    ]
    await edge.apply(policy('staff', a))
    // Refused before and after: by the claim, and by the issuer.
    await during([policy('staff', b), policy('staff', a)], {
      clerk: [ours.token({ role: 'clerk' }), 401, 403],
      lead: [theirs.token({ role: 'lead' }), 401, 403],
    })
  })

  test('while it comes to believe another audience', async () => {
    const to = (...audiences: string[]) => policy('staff', { jwt: jwt('ours', { audiences }) })
    await edge.apply(to('shop'))
    await during([to('desk'), to('shop')], {
      both: [ours.token({ aud: ['shop', 'desk'] }), 200],
      neither: [ours.token({ aud: 'door' }), 403],
    })
  })

  test('while the last policy of the gateway leaves its route, and comes back', async () => {
    await edge.apply(policy('staff', { jwt: jwt('ours') }), policy('people', { jwt: jwt('ours') }))
    await during([desk(), desk('staff'), desk(), desk('people')], { good: [ours.token(), 200] })
  })

  test('while the routes that need it are deleted, and those that follow need none', async () => {
    await edge.apply(desk('staff'), route('open', '/'))
    const loaded = await load(ours.token(), [200])
    for (let round = 0; round < rounds; round++) {
      const { status } = await edge.weir.api('DELETE', '/v1/routes/desk?wait=acked')
      assert.ok(status < 300, String(status))
      await edge.apply(desk('staff'))
    }
    assert.deepEqual((await loaded.stop()).failures, [])
  })
})

test('what is not needed any more leaves Envoy', async () => {
  const tidy = { auth: ['staff'] }
  await edge.apply(
    route('desk', '/desk', tidy),
    policy('staff', { jwt: jwt('ours', { headers: { 'x-a': 'sub' } }) }),
  )
  await edge.apply(policy('staff', { jwt: jwt('ours', { headers: { 'x-b': 'sub' } }) }))
  const dump = JSON.stringify(await edge.envoy.configDump())
  assert.ok(dump.includes('x-b'))
  assert.ok(!dump.includes('x-a'))
})
