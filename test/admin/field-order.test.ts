import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { shownDocument } from '../../src/admin/field-order.ts'
import { kinds } from '../../src/policies/index.ts'
import { startAdmin } from '../support/admin.ts'
import { testSecrets } from '../support/secrets.ts'

const shown = (kind: string, spec: Record<string, unknown>, labels: Record<string, string> = {}) =>
  JSON.stringify(
    shownDocument(kinds.find((each) => each.kind === kind)!, { kind, name: 'x', labels, owner: '', spec })
      .spec,
  )

describe('the fields of a shown document', () => {
  test('have the order of the schema, also in lists and in the values of a map', () => {
    const spec = {
      overrides: [{ window: '1m', limit: 2, match: { path: { prefix: '/' } } }],
      plans: { silver: { window: '1m', limit: 1 }, gold: { window: '2m', limit: 2 } },
      algorithm: 'fixed_window',
    }
    assert.equal(
      shown('RateLimitPolicy', spec),
      '{"algorithm":"fixed_window",' +
        '"plans":{"gold":{"limit":2,"window":"2m"},"silver":{"limit":1,"window":"1m"}},' +
        '"overrides":[{"match":{"path":{"prefix":"/"}},"limit":2,"window":"1m"}]}',
    )
  })

  test('have the order in which they were written where the schema leaves them free', () => {
    const openapi = {
      paths: { '/b': { put: {}, get: { z: 1, a: 2 } }, '/a': {} },
      openapi: '3.1.0',
      components: { y: 1, x: 2 },
    }
    assert.equal(
      shown('RequestPolicy', { openapi, maxBytes: '1KiB' }),
      `{"maxBytes":"1KiB","openapi":${JSON.stringify(openapi)}}`,
    )
  })

  test('have that order in another replica, too, which reads them back', async () => {
    const openapi = { paths: { '/b': { put: {}, get: {} }, '/a': {} }, openapi: '3.1.0' }
    const secrets = testSecrets()
    const one = await startAdmin({ secrets })
    await one.call('PUT', '/v1/request-policies/x', { spec: { openapi } })
    const other = await startAdmin({ databaseUrl: one.databaseUrl, secrets })
    const { body } = await other.call('GET', '/v1/request-policies/x')
    await other.close()
    await one.close()
    assert.equal(JSON.stringify(body.spec.openapi), JSON.stringify(openapi))
  })
})
