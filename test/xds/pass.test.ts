import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Metadata, status } from '@grpc/grpc-js'
import { typeUrls } from '../../src/envoy-api/types.ts'
import type { Event } from '../../src/observe.ts'
import { denial, type Passes, passOf } from '../../src/xds/pass.ts'
import { createXdsServer, type XdsOptions } from '../../src/xds/server.ts'
import { type AdsAccess, openAdsStream } from '../support/ads-client.ts'
import { issue } from '../support/certificate.ts'
import { handClock } from '../support/hand-clock.ts'
import { plainSnapshot } from './plain.ts'

const day = 86_400_000
const until = Date.now() + 100 * day
const readToken = (token: string) => (token === 'good' ? { gateways: ['edge'], until } : undefined)
const passes: Passes = { certificates: true, readToken }

function showing(authorization: string[], certificate?: Uint8Array, unverified?: string) {
  const metadata = new Metadata()
  for (const value of authorization) metadata.add('authorization', value)
  return { metadata, certificate, unverified }
}

test('a token decides where one is shown and tokens count, else the certificate does', () => {
  const token = { by: 'token', gateways: ['edge'], until } as const
  assert.deepEqual(passOf(showing(['Bearer good']), passes), token)
  assert.deepEqual(passOf(showing(['bearer   good']), passes), token)
  for (const values of [['Bearer bad'], ['good'], ['Basic good'], ['Bearer good', 'Bearer good'], ['']]) {
    const denied = passOf(showing(values, undefined, 'CERT_HAS_EXPIRED'), passes)
    assert.match(JSON.stringify(denied), /UNAUTHENTICATED.*not one of this weir/, String(values))
  }
  const alone = passOf(showing(['Bearer good'], undefined, 'CERT_HAS_EXPIRED'), { certificates: true })
  assert.match(JSON.stringify(alone), /CERT_HAS_EXPIRED/)
  assert.match(JSON.stringify(passOf(showing([]), { ...passes, certificates: false })), /show a token that/)
})

test('a pass is good for its gateways, until its end', () => {
  const pass = { by: 'token', gateways: ['edge'], until: 1_000 } as const
  assert.equal(denial(pass, 'edge', 999), undefined)
  assert.equal(denial(pass, 'edge', 1_000)?.code, 'UNAUTHENTICATED')
  assert.equal(denial(pass, 'other', 0)?.code, 'PERMISSION_DENIED')
  assert.equal(denial({ ...pass, gateways: [] }, 'edge', 0)?.code, 'PERMISSION_DENIED')
})

async function start(t: TestContext, options: Omit<XdsOptions, 'observe' | 'clock'>) {
  const clock = handClock(Date.now())
  const events: Event[] = []
  const server = createXdsServer({ observe: (event) => events.push(event), clock, ...options })
  t.after(() => server.close(0))
  const { port } = await server.listen('127.0.0.1:0')
  server.publish(plainSnapshot(1, {}))
  const join = async (access: AdsAccess) => {
    const stream = openAdsStream(port, 'delta', access)
    t.after(() => stream.close())
    stream.send({ node: { id: 'n1', cluster: 'edge' }, type_url: typeUrls.cluster })
    await stream.next()
    return stream
  }
  return { clock, events, join }
}

test('a stream ends when its token does, however far off that was', async (t) => {
  const { clock, join } = await start(t, { passes })
  const stream = await join({ token: 'good' })
  // Longer than a timer of Node can be.
  for (let passed = 0; passed < 99; passed += 11) clock.pass(11 * day)
  stream.send({ type_url: typeUrls.endpoints, resource_names_subscribe: ['a'] })
  assert.equal((await stream.next()).type_url, typeUrls.endpoints)
  clock.pass(2 * day)
  const { code, details } = await stream.failure
  assert.equal(code, status.UNAUTHENTICATED)
  assert.match(details, /the token has expired: it was good until/)
})

test('when a certificate ends its connection does, so that the next one may bring another', async (t) => {
  const ca = issue({ commonName: 'CA', isCa: true })
  const served = issue({ commonName: 'weir', names: ['weir.test'], issuer: ca })
  const material = { ...served, ca: ca.certificate }
  const tls = { current: () => material, follow: () => {} }
  const { clock, events, join } = await start(t, { passes, tls })
  const own = issue({ commonName: 'e', names: ['weir://gateway/edge'], issuer: ca, until: day })
  const stream = await join({ ca: ca.certificate, own })
  const dropped = new Promise((resolve) => stream.connectionLost(resolve))
  clock.pass(2 * day)
  assert.match((await stream.failure).details, /the certificate has expired: it was good until/)
  await dropped
  assert.deepEqual(
    events.map(({ event }) => event).filter((event) => event !== 'xds_sent'),
    ['xds_connected', 'xds_disconnected'],
  )
})
