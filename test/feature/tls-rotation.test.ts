import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Agent, request } from 'node:https'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { issue, type TestCertificate } from '../support/certificate.ts'
import { cluster, gateway, route, startEdge } from '../support/edge.ts'
import { freePort } from '../support/ports.ts'
import { handshake, sendSecurely } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const rotations = 15
const servername = 'shop.example'

const shop = ({ certificate, privateKey }: TestCertificate) => ({
  kind: 'Certificate',
  name: 'shop',
  spec: { pem: { certificate, privateKey } },
})
/** Another key and other names each time. */
const fresh = (n: number) =>
  issue({ commonName: 'shop', names: [servername, `n${n}.example`], key: n % 5 === 0 ? 'rsa' : 'P-256' })

interface Load {
  sent: number
  failures: string[]
}

/** Milliseconds between two requests of each kind: about 500 a second of all three. */
const everyMs = 6

/** Starts a request every few milliseconds, whether those before are answered or not, until `stop`. */
function keepSending(send: () => Promise<number | undefined>): { stop(): Promise<Load> } {
  const load: Load = { sent: 0, failures: [] }
  const pending = new Set<Promise<void>>()
  const timer = setInterval(() => {
    load.sent++
    const one = send()
      .catch((error: Error) => error.message)
      .then((outcome) => {
        if (outcome !== 200) load.failures.push(String(outcome))
        pending.delete(one)
      })
    pending.add(one)
  }, everyMs)
  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(pending)
      return load
    },
  }
}

test('a certificate is replaced under load: no request fails, nothing drains, who connects anew sees the new one', async (t) => {
  const upstream = await startUpstream('a')
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
  await edge.apply(
    shop(fresh(0)),
    gateway(edge.port, { listeners }),
    cluster('a', upstream),
    route('all', '/'),
  )
  await until('the listener accepts', async () => (await handshake(port)).failure === undefined)

  const agent = new Agent({ keepAlive: true, maxSockets: 4, rejectUnauthorized: false })
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  const sockets = new Set<Socket>()
  const kept = () =>
    new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port, path: '/', agent, servername }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode))
      })
      outgoing.once('socket', (socket) => sockets.add(socket))
      outgoing.once('error', reject).end()
    })
  const multiplexed = async () => {
    const stream = session.request({ ':path': '/' })
    const [headers] = await once(stream, 'response')
    await once(stream.resume(), 'end')
    return Number(headers[':status'])
  }
  const anew = async () => {
    const { status, failure } = await sendSecurely(port, '/', { servername })
    if (failure !== undefined) throw new Error(failure)
    return status
  }

  // All connections that are to be kept are there before the first rotation.
  await Promise.all([kept(), kept(), kept(), kept()])
  const before = sockets.size
  const loads = [kept, multiplexed, anew].map(keepSending)
  for (let n = 1; n <= rotations; n++) {
    const next = fresh(n)
    const { serialNumber } = new X509Certificate(next.certificate)
    const { status, body } = await edge.weir.api('POST', '/v1/apply', shop(next))
    const written = performance.now()
    assert.deepEqual([status, body.changes[0].action], [200, 'updated'])
    await until('the new certificate is served', async () => {
      return (await handshake(port, { servername })).serial === serialNumber
    })
    // A second where nothing else runs; some more here, where handshakes wait for other tests.
    assert.ok(performance.now() - written < 5_000, `${performance.now() - written} ms`)
  }
  for (const { sent, failures } of await Promise.all(loads.map((load) => load.stop()))) {
    assert.ok(sent > rotations, `${sent} requests`)
    assert.deepEqual(failures, [])
  }
  assert.equal(sockets.size, before, 'the connections outlived all rotations')
  assert.equal(session.closed, false)
  session.destroy()
  agent.destroy()
  const stats = await edge.envoy.stats('listener_manager')
  assert.equal(stats['listener_manager.listener_modified'], 0)
  assert.equal(stats['listener_manager.total_listeners_draining'], 0)
  assert.equal(stats['listener_manager.total_filter_chains_draining'], 0)
})
