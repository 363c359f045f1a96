import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startAdmin, type TestAdmin } from '../support/admin.ts'

const cluster = (name: string, labels: Record<string, string>, owner = '') => ({
  kind: 'Cluster',
  name,
  labels,
  owner,
  spec: { endpoints: [] },
})

describe('GET /v1/{plural}', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', [
      cluster('a', { team: 'x', tier: 'gold' }, 'ops'),
      cluster('b', { team: 'x' }),
      cluster('c', { team: 'y', tier: 'gold', eq: 'a=b', note: 'x,y\\z' }, 'ops'),
    ])
  })
  after(() => admin.close())
  const names = async (query: string) => {
    const { body } = await admin.call('GET', `/v1/clusters?${query}`)
    return body.items.map(({ name }: { name: string }) => name)
  }

  for (const [query, expected] of [
    ['labels=team=x', ['a', 'b']],
    ['labels=team%3Dx%2Ctier%3Dgold', ['a']],
    ['labels=team=x,tier=gold', ['a']],
    ['labels=eq=a=b', ['c']],
    ['labels=note=x\\,y\\\\z,eq=a=b', ['c']],
    ['labels=note=x', []],
    ['labels=team=z', []],
    ['labels=constructor=x', []],
    ['owner=ops', ['a', 'c']],
    ['owner=', ['b']],
    ['owner=ops&labels=team=y', ['c']],
    ['limit=1&owner=ops', ['a']],
  ] as const) {
    test(`200: ?${query}`, async () => assert.deepEqual(await names(query), expected))
  }

  for (const query of ['labels=', 'labels=team', 'labels=a=1,,b=2', 'labels==x', 'label=team=x']) {
    test(`400: ?${query}`, async () =>
      assert.equal((await admin.call('GET', `/v1/clusters?${query}`)).status, 400))
  }

  test('pages under writes: nothing that was there all the time is repeated or missed', async () => {
    const stable = Array.from({ length: 60 }, (_, index) => `s-${String(index).padStart(3, '0')}`)
    await admin.call(
      'POST',
      '/v1/apply',
      stable.map((name) => cluster(name, { stable: '1' })),
    )
    const seen: string[] = []
    let cursor = ''
    for (let page = 0; cursor !== 'end'; page++) {
      const { body } = await admin.call('GET', `/v1/clusters?limit=7&labels=stable=1${cursor}`)
      seen.push(...body.items.map(({ name }: { name: string }) => name))
      cursor = body.next === null ? 'end' : `&cursor=${body.next}`
      // One before the cursor goes away, one comes before it, and the one that the cursor names goes, too.
      await admin.call('PUT', `/v1/clusters/s-000-${page}`, cluster(`s-000-${page}`, { stable: '1' }))
      if (page === 2) await admin.call('DELETE', `/v1/clusters/${seen.at(-1)}`)
    }
    assert.deepEqual(
      seen.filter((name) => stable.includes(name)),
      stable,
    )
    assert.equal(new Set(seen).size, seen.length)
  })
})
