import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { masterKey } from '../../src/secrets/master-key.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { issue, selfSigned } from '../support/certificate.ts'
import { withClient } from '../support/postgres.ts'
import { testKey, testSecrets } from '../support/secrets.ts'

const ca = issue({ commonName: 'ca', isCa: true })
const pem = issue({ commonName: 'shop.example', issuer: ca })
const other = selfSigned('shop.example')

function consumer(apiKeys: object[], name = 'acme'): object {
  return { kind: 'Consumer', name, spec: { apiKeys } }
}

function certificate(privateKey: unknown, name = 'shop', chain = pem.certificate): object {
  return { kind: 'Certificate', name, spec: { pem: { certificate: chain, privateKey } } }
}

describe('secrets of written documents', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
  })
  after(() => admin.close())

  const apply = (...documents: object[]) => admin.call('POST', '/v1/apply', documents)
  const actions = async (...documents: object[]) =>
    (await apply(...documents)).body.changes.map(({ action }: { action: string }) => action)
  const refsOf = async (name = 'acme'): Promise<Record<string, string>> => {
    const { body } = await admin.call('GET', `/v1/consumers/${name}`)
    return Object.fromEntries(
      body.spec.apiKeys.map((key: { id: string; value: { secretRef: string } }) => [
        key.id,
        key.value.secretRef,
      ]),
    )
  }
  const refused = async (document: object) => {
    const before = await admin.revision()
    const { status, body } = await apply(document)
    assert.equal(status, 422)
    assert.equal(await admin.revision(), before, 'nothing is written')
    return body.errors as { document: number; pointer: string; message: string; remedy: string }[]
  }
  const rows = (sql: string) =>
    withClient(admin.databaseUrl, async (client) => (await client.query(sql)).rows)

  test('a secret becomes a reference; the same value again is no change, another one is', async () => {
    assert.deepEqual(await actions(certificate(pem.privateKey)), ['created'])
    const first = (await admin.call('GET', '/v1/certificates/shop')).body.spec.pem.privateKey
    assert.match(first.secretRef, /^[0-9a-f-]{36}$/)
    assert.deepEqual(await actions(certificate(pem.privateKey)), ['unchanged'])
    assert.deepEqual(await actions(certificate(first)), ['unchanged'])
    assert.deepEqual(await actions(certificate(other.privateKey, 'shop', other.certificate)), ['updated'])
    const second = (await admin.call('GET', '/v1/certificates/shop')).body.spec.pem.privateKey
    assert.notEqual(second.secretRef, first.secretRef)
  })

  test('a private key that is not the one of its certificate is refused, given or stored', async () => {
    const wrong = [
      [certificate(other.privateKey, 'pair'), /^the private key is not the one/],
      [certificate(ca.privateKey, 'pair', pem.certificate + ca.certificate), /^the private key is not/],
    ] as const
    for (const [document, message] of wrong) {
      const [problem, ...more] = await refused(document)
      assert.deepEqual([problem?.pointer, more], ['/spec/pem/privateKey', []])
      assert.match(problem!.message, message)
      assert.match(problem!.remedy, /first certificate of the chain/)
    }
    assert.deepEqual(await actions(certificate(pem.privateKey, 'pair')), ['created'])
    const stored = (await admin.call('GET', '/v1/certificates/pair')).body.spec.pem.privateKey
    const [problem] = await refused(certificate(stored, 'pair', other.certificate))
    assert.equal(problem?.pointer, '/spec/pem/privateKey')
    assert.match(problem.message, /^the private key that is stored is not the one/)
    const chain = pem.certificate + ca.certificate
    assert.deepEqual(await actions(certificate(stored, 'pair', chain)), ['updated'])
  })

  test('a dry run shows new secrets as new, and stored ones as they are', async () => {
    const value = 'a-key-of-a-dry-run'
    await apply(consumer([{ id: 'old', value }], 'rehearsed'))
    const document = consumer(
      [
        { id: 'old', value },
        { id: 'a', value: 'a-new-key-of-a-dry-run' },
        { id: 'b', value: 'b-new-key-of-a-dry-run' },
      ],
      'rehearsed',
    )
    const dryRun = async () => (await admin.call('POST', '/v1/apply?dryRun=true', [document])).body.diff
    const [{ patch }] = await dryRun()
    assert.deepEqual(
      patch.map((step: { value: unknown }) => step.value),
      ['a', 'b'].map((id) => ({ id, value: { secretRef: '(new)' } })),
    )
    assert.deepEqual(await dryRun(), [{ kind: 'Consumer', name: 'rehearsed', action: 'updated', patch }])
  })

  test('API keys keep their references by id, whatever their order', async () => {
    const [a, b] = [
      { id: 'a', value: 'first-api-key' },
      { id: 'b', value: 'second-api-key' },
    ]
    await apply(consumer([a, b]))
    const before = await refsOf()
    assert.deepEqual(await actions(consumer([b, a])), ['updated'])
    assert.deepEqual(await refsOf(), before)
    await apply(consumer([{ id: 'new', value: 'third-api-key' }, b, { ...a, value: 'fourth-api-key' }]))
    const now = await refsOf()
    assert.equal(now.b, before.b)
    assert.notEqual(now.a, before.a)
  })

  test('an API key is kept as its keyed hash alone, a private key encrypted alone', async () => {
    const stored = await rows('select kind, ciphertext, keyed_hash from secrets')
    assert.ok(stored.length > 0)
    for (const { kind, ciphertext, keyed_hash } of stored) {
      if (kind === 'Consumer') assert.ok(ciphertext === null && keyed_hash.length === 32)
      else assert.ok(keyed_hash === null && ciphertext.length > pem.privateKey.length)
    }
  })

  test('a reference to a secret that is not there is refused at its pointer', async () => {
    for (const secretRef of ['5b0a1f6e-2f0c-4a52-8a57-6a2f0f8f3c11', '-'.repeat(36), 'a'.repeat(36)]) {
      const [problem, ...more] = await refused(consumer([{ id: 'main', value: { secretRef } }], 'other'))
      assert.deepEqual(more, [])
      assert.equal(problem?.pointer, '/spec/apiKeys/0/value')
      assert.match(problem.message, /does not have that secret/)
      assert.match(problem.remedy, /write the API key itself/)
    }
  })

  test('a reference is good at its own place only', async () => {
    await apply(consumer([{ id: 'main', value: 'own-place-key' }], 'placed'))
    const secretRef = (await refsOf('placed')).main
    const elsewhere = [
      consumer([{ id: 'main', value: { secretRef } }], 'thief'),
      consumer([{ id: 'renamed', value: { secretRef } }], 'placed'),
      certificate({ secretRef }, 'thief'),
    ]
    for (const document of elsewhere) {
      assert.match((await refused(document))[0]!.message, /the one of Consumer\/placed at/)
    }
  })

  test('every secret that is wrong is named, and so is what else is wrong', async () => {
    const value = { secretRef: '5b0a1f6e-2f0c-4a52-8a57-6a2f0f8f3c11' }
    const { body } = await apply(
      { kind: 'Consumer', name: 'x', spec: { plan: 'nowhere', apiKeys: [{ id: 'a', value }] } },
      certificate(value, 'y'),
    )
    const places = body.errors.map(({ document, pointer }: { document: number; pointer: string }) => [
      document,
      pointer,
    ])
    assert.deepEqual(places.sort(), [
      [0, '/spec/apiKeys/0/value'],
      [0, '/spec/plan'],
      [1, '/spec/pem/privateKey'],
    ])
  })

  test('two consumers cannot have the same key, one can have it under two ids', async () => {
    const value = 'a-shared-api-key'
    await apply(
      consumer(
        [
          { id: 'a', value },
          { id: 'b', value },
        ],
        'one',
      ),
    )
    const [problem] = await refused(consumer([{ id: 'x', value }], 'two'))
    assert.match(problem!.message, /Consumer\/one has the same key/)
    const both = await apply(
      consumer([{ id: 'a', value: 'both-new-key' }], 'n1'),
      consumer([{ id: 'a', value: 'both-new-key' }], 'n2'),
    )
    assert.equal(both.status, 422)
    await admin.call('DELETE', '/v1/consumers/one')
    assert.deepEqual(await actions(consumer([{ id: 'x', value }], 'two')), ['created'])
  })

  test('a key may go from one consumer to another in one write, and does not come back by a restore', async () => {
    await apply(consumer([{ id: 'a', value: 'a-moving-key' }], 'giver'), consumer([], 'taker'))
    const before = await admin.revision()
    const moved = await apply(consumer([], 'giver'), consumer([{ id: 'a', value: 'a-moving-key' }], 'taker'))
    assert.equal(moved.status, 200)
    const old = await admin.store.at(before)
    const { document } = old.objects.get('Consumer')!.get('giver')!
    assert.match((await refused(document))[0]!.message, /Consumer\/taker has the same key/)
  })

  test('PUT and PATCH pass through the same door', async () => {
    const { status } = await admin.call('PUT', '/v1/consumers/put', {
      spec: { apiKeys: [{ id: 'main', value: 'put-api-key' }] },
    })
    assert.equal(status, 200)
    const patched = await admin.call('PATCH', '/v1/consumers/put', {
      spec: { apiKeys: [{ id: 'main', value: 'patched-api-key' }] },
    })
    assert.equal(patched.status, 200)
    const leaks = await rows(`select spec::text from objects where spec::text ~ 'api-key|PRIVATE'`)
    assert.deepEqual(leaks, [])
  })

  test('a dry run tells an equal secret from another one, and stores none', async () => {
    const count = async () => (await rows('select count(*)::int as n from secrets'))[0].n
    const before = await count()
    const dry = (value: string) =>
      admin.call('POST', '/v1/apply?dryRun=true', [consumer([{ id: 'main', value }], 'put')])
    assert.equal((await dry('patched-api-key')).body.changes[0].action, 'unchanged')
    const other = await dry('quite-another-key')
    assert.equal(other.body.changes[0].action, 'updated')
    assert.ok(!other.text.includes('quite-another'))
    assert.equal(await count(), before)
  })

  test('a refused write leaves no secret behind', async () => {
    const count = async () => (await rows('select count(*)::int as n from secrets'))[0].n
    const before = await count()
    await refused({
      kind: 'Consumer',
      name: 'z',
      spec: { plan: 'none', apiKeys: [{ id: 'a', value: 'left-behind' }] },
    })
    assert.equal(await count(), before)
  })
})

describe('an export', () => {
  test('is unchanged where it comes from, and refused with every secret named where another key is', async () => {
    const here = await startAdmin()
    const elsewhere = await startAdmin({ secrets: testSecrets(masterKey(randomBytes(32))) })
    try {
      const documents = [
        certificate(pem.privateKey),
        consumer([
          { id: 'a', value: 'exported-key-a' },
          { id: 'b', value: 'exported-key-b' },
        ]),
      ]
      assert.equal((await here.call('POST', '/v1/apply', documents)).status, 200)
      const { text } = await here.call('GET', '/v1/export')
      const again = await here.call('POST', '/v1/apply', text)
      assert.deepEqual(
        [...new Set(again.body.changes.map(({ action }: { action: string }) => action))],
        ['unchanged'],
      )
      const refused = await elsewhere.call('POST', '/v1/apply', text)
      assert.equal(refused.status, 422)
      assert.deepEqual(refused.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort(), [
        '/spec/apiKeys/0/value',
        '/spec/apiKeys/1/value',
        '/spec/pem/privateKey',
      ])
    } finally {
      await here.close()
      await elsewhere.close()
    }
  })
})

describe('a row of another key', () => {
  test('is refused by its reference, and replaced by the clear value', async () => {
    const admin = await startAdmin({ secrets: testSecrets(testKey) })
    try {
      await admin.call('POST', '/v1/apply', [certificate(pem.privateKey)])
      const { privateKey } = (await admin.call('GET', '/v1/certificates/shop')).body.spec.pem
      await withClient(admin.databaseUrl, (client) => client.query(`update secrets set key_id = 'gone'`))
      const refused = await admin.call('POST', '/v1/apply', [certificate(privateKey)])
      assert.equal(refused.status, 422)
      assert.match(refused.body.errors[0].message, /under a key \(gone\)/)
      const mended = await admin.call('POST', '/v1/apply', [certificate(pem.privateKey)])
      assert.equal(mended.body.changes[0].action, 'updated')
    } finally {
      await admin.close()
    }
  })
})
