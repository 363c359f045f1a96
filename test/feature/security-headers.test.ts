import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issue } from '../support/certificate.ts'
import { cluster, gateway, route, startEdge } from '../support/edge.ts'
import { freePort } from '../support/ports.ts'
import { handshake, sendSecurely } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const baseline = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'deny',
  'referrer-policy': 'no-referrer',
  'x-permitted-cross-domain-policies': 'none',
}

test('the baseline of security headers is on every answer that has none of its own, and http leads to https', async (t) => {
  const upstream = await startUpstream('a', (response, { url }) => {
    response.writeHead(200, url === '/own' ? { 'x-frame-options': 'sameorigin' } : {}).end('a')
  })
  const edge = await startEdge()
  t.after(async () => {
    await edge.stop()
    await upstream.close()
  })
  const port = await freePort()
  const shop = issue({ commonName: 'shop', names: ['shop.example'] })
  const spec = { pem: { certificate: shop.certificate, privateKey: shop.privateKey } }
  const listeners = [
    { name: 'http', port: edge.port, protocol: 'http' },
    { name: 'https', port, protocol: 'https', tls: { certificates: ['shop'] } },
  ]
  const written = { remove: ['referrer-policy'], set: { 'x-permitted-cross-domain-policies': 'all' } }
  await edge.apply(
    { kind: 'Certificate', name: 'shop', spec },
    gateway(edge.port, { listeners, securityHeaders: 'baseline' }),
    cluster('a', upstream),
    route('own', '/own'),
    route('set', '/set', { headers: { response: written } }),
    route('moved', '/moved', { redirect: { path: '/own' } }),
    route('to-https', '/secure', {
      gateways: ['edge/http'],
      redirect: { scheme: 'https', port, status: 308 },
    }),
    route('secure', '/secure', { gateways: ['edge/https'] }),
  )
  await until('the listener accepts', async () => (await handshake(port)).failure === undefined)
  await until(
    'the new listener answers',
    async () => 'x-frame-options' in (await edge.send('/nowhere')).headers,
  )

  const cases: [path: string, status: number, more: Record<string, string>][] = [
    ['/own', 200, { 'x-frame-options': 'sameorigin' }],
    ['/set', 200, { 'x-permitted-cross-domain-policies': 'all' }],
    ['/moved', 301, {}],
    ['/nowhere', 404, {}],
  ]
  for (const [path, status, more] of cases) {
    const plain = await edge.send(path)
    assert.equal(plain.status, status)
    assert.partialDeepStrictEqual(plain.headers, { ...baseline, ...more }, path)
    assert.equal(plain.headers['strict-transport-security'], undefined, 'browsers heed it over https alone')
    const secure = await sendSecurely(port, path)
    assert.partialDeepStrictEqual(secure.headers!, {
      ...{ ...baseline, ...more },
      'strict-transport-security': 'max-age=31536000',
    })
  }

  const { status, headers } = await edge.send({ path: '/secure?a=b', headers: { host: 'shop.example' } })
  assert.deepEqual([status, headers.location], [308, `https://shop.example:${port}/secure?a=b`])
  const followed = await sendSecurely(port, '/secure?a=b')
  assert.equal(followed.headers!['strict-transport-security'], 'max-age=31536000')
})
