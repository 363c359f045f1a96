import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { kinds } from '../../src/policies/index.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'

describe('/docs', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
  })
  after(() => admin.close())

  test('the document is OpenAPI 3.1 with every route and the schema of every kind', async () => {
    const { status, body } = await admin.call('GET', '/docs/json', undefined, { authorization: '' })
    assert.equal(status, 200)
    assert.equal(body.openapi, '3.1.0')
    const wanted = [
      '/v1/apply',
      '/v1/export',
      '/v1/revisions',
      '/v1/revisions/{revision}',
      '/v1/revisions/{revision}/diff',
      '/v1/revisions/{revision}/restore',
      '/v1/schema',
      '/v1/revisions/{revision}/delivery',
      '/v1/events',
      '/v1/secrets/rotate',
      '/v1/xds-tokens',
      '/v1/fleet',
      '/v1/fleet/{node}/config',
      '/v1/rollouts',
      '/v1/gateways/{name}/rollout',
      '/v1/fleet/{node}/drift',
      '/v1/fleet/health',
      '/v1/breakers',
      '/v1/clusters/{name}/breaker',
      '/v1/clusters/{name}/health',
      '/v1/explain',
      '/v1/rate-limit-policies/{name}/keys',
      '/v1/rate-limit-policies/{name}/keys/{id}',
      '/healthz',
      '/readyz',
      '/metrics',
    ]
    for (const { plural } of kinds) wanted.push(`/v1/${plural}`, `/v1/${plural}/{name}`)
    assert.deepEqual(Object.keys(body.paths).sort(), wanted.sort())
    for (const { kind } of kinds) assert.equal(body.components.schemas[kind].type, 'object')
    assert.deepEqual(Object.keys(body.paths['/v1/routes/{name}']).sort(), ['delete', 'get', 'patch', 'put'])
  })

  test('every reference of the document leads somewhere', async () => {
    const { body, text } = await admin.call('GET', '/docs/json')
    for (const [, reference] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      let node = body as unknown
      for (const part of reference!.split('/')) node = (node as Record<string, unknown>)[part]
      assert.ok(node !== undefined, `#/${reference}`)
    }
  })

  test('the page loads nothing from elsewhere, and its policy would not let it', async () => {
    const page = await admin.call('GET', '/docs', undefined, { authorization: '' })
    assert.equal(page.status, 200)
    const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source!)
    assert.ok(sources.length > 3)
    for (const source of sources) {
      assert.doesNotMatch(source, /^(?:https?:)?\/\//)
      const url = new URL(source, `${admin.url}/docs`)
      const part = await fetch(url)
      assert.equal(part.status, 200, source)
      if (source.endsWith('.css')) assert.doesNotMatch(await part.text(), /url\((?!["']?data:)|@import/)
    }
    assert.doesNotMatch(page.text, /<script(?![^>]*src=)/, 'no inline script, which the policy forbids')
    const policy = page.headers.get('content-security-policy')!
    assert.match(policy, /default-src 'none'; script-src 'self';/)
    assert.doesNotMatch(policy, /https?:|\*/)
  })

  test('the default validator, which would learn the address, is off', async () => {
    const { text } = await admin.call('GET', '/docs/static/swagger-initializer.js')
    assert.match(text, /"validatorUrl":\s*null/)
  })
})
