import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { issue, type TestCertificate } from '../support/certificate.ts'
import { cluster, gateway, route, startEdge } from '../support/edge.ts'
import { startLoad } from '../support/load/load.ts'
import { startQuickUpstream } from '../support/many-requests.ts'
import { freePort } from '../support/ports.ts'
import { handshake } from '../support/tls.ts'
import { until } from '../support/until.ts'

// Where other tests run beside, a handshake waits for them.
const { rotations, ratePerSecond, seenWithinMs } =
  process.env.WEIR_LONG === '1'
    ? { rotations: 100, ratePerSecond: 500, seenWithinMs: 1_000 }
    : { rotations: 8, ratePerSecond: 150, seenWithinMs: 5_000 }
const everyMs = 500
const servername = 'shop.example'
const connections = 8
const sessions = 2

const shop = ({ certificate, privateKey }: TestCertificate) => ({
  kind: 'Certificate',
  name: 'shop',
  spec: { pem: { certificate, privateKey } },
})
/** Another key and other names each time. */
const fresh = (n: number) =>
  issue({ commonName: 'shop', names: [servername, `n${n}.example`], key: n % 5 === 0 ? 'rsa' : 'P-256' })
const serialOf = ({ certificate }: TestCertificate) => new X509Certificate(certificate).serialNumber

test('a certificate is replaced under load: no request fails, nothing drains, who connects anew sees the new one', async (t) => {
  const upstream = await startQuickUpstream('a')
  const edge = await startEdge()
  t.after(async () => {
    await edge.stop()
    await upstream.close()
  })
  const port = await freePort()
  const listeners = [
    { name: 'http', port: edge.port, protocol: 'http' },
    { name: 'https', port, protocol: 'https', tls: { certificates: ['shop'] } },
  ]
  let current = fresh(0)
  await edge.apply(
    shop(current),
    gateway(edge.port, { listeners }),
    cluster('a', upstream),
    route('all', '/'),
  )
  await until('the listener accepts', async () => (await handshake(port)).failure === undefined)

  const kinds = { keptAlive: 1, http2: 1, newConnection: 1 }
  const target = { port, path: '/', tls: true, servername }
  const load = await startLoad({ ...target, ratePerSecond, kinds, connections, sessions })
  await until('the first is served', () => load.certificates.has(serialOf(current)))
  const replaced: { before: string; now: string; written: number }[] = []
  for (let n = 1; n <= rotations; n++) {
    const next = fresh(n)
    const pause = delay(everyMs)
    const { status, body } = await edge.weir.api('POST', '/v1/apply', shop(next))
    const written = Date.now()
    assert.deepEqual([status, body.changes[0].action], [200, 'updated'])
    replaced.push({ before: serialOf(current), now: serialOf(next), written })
    await until('the new certificate is served', () => load.certificates.has(serialOf(next)))
    current = next
    await pause
  }
  const result = await load.stop()

  const { seconds, sent, sentBy, failures, failed, latencyMs, certificates } = result
  const firstSeen = replaced.map(({ now, written }) => certificates.get(now)!.first - written)
  // Begun so long after the write, and shown the certificate from before it.
  const lastStale = replaced.map(({ before, written }) => certificates.get(before)!.last - written)
  const figures = { rotations, seconds: Math.round(seconds), sent, sentBy, failed, latencyMs }
  t.diagnostic(JSON.stringify(figures))
  t.diagnostic(
    `new certificate first seen at most ${Math.max(...firstSeen)} ms after the write, the old one in a ` +
      `handshake begun at most ${Math.max(...lastStale)} ms after it`,
  )
  assert.deepEqual(failures, [])
  assert.equal(sent, Math.floor(seconds * ratePerSecond))
  assert.ok(Math.max(...firstSeen, ...lastStale) < seenWithinMs)
  // They outlived all rotations.
  assert.deepEqual(
    [result.connections.keptAlive, result.connections.http2, result.retriedIdle, result.retriedRefused],
    [connections, sessions, 0, 0],
  )
  const stats = await edge.envoy.stats('listener_manager')
  assert.equal(stats['listener_manager.listener_modified'], 0)
  assert.equal(stats['listener_manager.total_listeners_draining'], 0)
  assert.equal(stats['listener_manager.total_filter_chains_draining'], 0)
})
