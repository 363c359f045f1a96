import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { Worker } from 'node:worker_threads'
import type { Event } from '../../src/observe.ts'
import { gatewaysOf } from '../../src/xds/certificate-names.ts'
import { createDoor, type TlsMaterial } from '../../src/xds/door.ts'
import { Tally } from '../../src/xds/tally.ts'
import { issue } from '../support/certificate.ts'
import { commonNameOf, handshake } from '../support/tls.ts'
import { until } from '../support/until.ts'

async function open(t: TestContext, options: { tls?: TlsMaterial; tally?: Tally } = {}) {
  const events: Event[] = []
  const entered: Socket[] = []
  const waiting = new Set<() => void>()
  const observe = (event: Event) => {
    events.push(event)
    for (const look of waiting) look()
  }
  const door = createDoor({ observe, enter: (socket) => entered.push(socket), ...options })
  const port = await door.listen('localhost', 0)
  t.after(() => {
    door.close()
    for (const socket of entered) socket.destroy()
  })
  /** A handshake by a client that stays. */
  const secure = async (more: ConnectionOptions = {}) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      ...more,
    })
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    return socket
  }
  const rules = () => events.flatMap((event) => (event.event === 'xds_refused' ? [event.rule] : []))
  const refusal = () =>
    new Promise<void>((resolve) => {
      const look = () => rules().length > 0 && resolve()
      waiting.add(look)
      look()
    })
  const connect = async (localAddress = '127.0.0.1') => {
    const socket = createConnection({ host: '127.0.0.1', port, localAddress })
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  return { door, port, entered, rules, refusal, connect, secure }
}

const ca = issue({ commonName: 'CA', isCa: true })
const materialOf = (commonName: string): TlsMaterial => issue({ commonName, issuer: ca })

test('connections are bounded by address: one more is closed before it is read, others get in, and who leaves makes room', async (t) => {
  const { connect, rules, refusal, entered } = await open(t, { tally: new Tally(2, 10) })
  const first = await connect()
  await connect()
  const late = await connect()
  await once(late.resume(), 'close')
  await refusal()
  await connect('127.0.0.2')
  assert.deepEqual(rules(), ['connections'])
  first.destroy()
  await once(entered[0]!.resume(), 'close')
  const next = await connect()
  next.write('x')
  await until('it is handed on', () => entered.length === 4)
  assert.deepEqual(rules(), ['connections'])
})

test('a client that speaks no TLS, or no HTTP/2, is refused before any of it is handed on', async (t) => {
  const { connect, secure, rules, refusal, entered } = await open(t, { tls: materialOf('weir') })
  const plain = await connect()
  plain.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  await once(plain.resume(), 'close')
  await refusal()
  await secure({ ALPNProtocols: [] })
  await until('the other is refused', () => rules().length === 2)
  assert.deepEqual(rules(), ['handshake', 'handshake'])
  assert.equal(entered.length, 0)
})

test('what it is served with is replaced for those that come from then on', async (t) => {
  const { door, port, entered, secure } = await open(t, { tls: materialOf('one') })
  assert.equal(commonNameOf(await secure()), 'one')
  door.renew(materialOf('two'))
  const socket = await secure()
  assert.deepEqual(
    [commonNameOf(socket), socket.alpnProtocol, socket.getProtocol()],
    ['two', 'h2', 'TLSv1.3'],
  )
  assert.equal((await handshake(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).served, undefined)
  await until('both are handed on', () => entered.length === 2)
})

test('a certificate that is not good is handed on with the reason why', async (t) => {
  const { door, entered, secure } = await open(t, { tls: { ...materialOf('weir'), ca: ca.certificate } })
  const { certificate: cert, privateKey: key } = issue({ commonName: 'e', issuer: ca, until: -1_000 })
  await secure({ cert, key })
  await until('it is handed on', () => entered.length === 1)
  const { remoteAddress, remotePort } = entered[0]!
  assert.equal(door.unverified(`${remoteAddress}:${remotePort}`), 'CERT_HAS_EXPIRED')
  door.drop(`${remoteAddress}:${remotePort}`)
  assert.equal(entered[0]!.destroyed, true)
})

test('which gateways a certificate is for', () => {
  const cases: [string | undefined, string[]][] = [
    [undefined, []],
    ['URI:weir://gateway/edge, DNS:a.gateway.internal, IP Address:10.0.0.1', ['edge', 'a']],
    ['URI:spiffe://prod.example/gateway/edge, DNS:A.B.GATEWAY.example', ['edge', 'a.b']],
    ['DNS:*.gateway.example, DNS:gateway.example, DNS:x.gateway, DNS:edge.example', []],
    // Nobody could say which of the two is meant.
    ['DNS:a.gateway.b.gateway.c', []],
    ['URI:weir://gateway/Edge, URI:weir://gateway/, URI:weir://gateway/a/b, URI:weir://other/edge', []],
    ['URI:https://x/gateway/edge, DNS:weir://gateway/edge, email:edge.gateway.example', []],
    // What a certificate could have smuggled in is quoted by Node.
    ['URI:"weir://gateway/x\\u002c URI:weir://gateway/edge", DNS:b.gateway.c', ['b']],
    ['URI:weir://gateway/edge, nonsense', []],
  ]
  for (const [names, gateways] of cases) assert.deepEqual(gatewaysOf(names), gateways, String(names))
})

test('a fleet that comes at once, while weir is at something else, finds room to wait', async (t) => {
  const { entered, port } = await open(t)
  const fleet = 1_500
  const connected = new Int32Array(new SharedArrayBuffer(4))
  const clients = new Worker(
    `const { createConnection } = require('node:net')
    const { port, fleet, connected } = require('node:worker_threads').workerData
    const count = () => Atomics.add(connected, 0, 1) + 1 === fleet && Atomics.notify(connected, 0)
    for (let client = 0; client < fleet; client++) createConnection({ host: '127.0.0.1', port }, count).on('error', () => {})`,
    { eval: true, workerData: { port, fleet, connected } },
  )
  t.after(() => clients.terminate())
  await once(clients, 'online')
  // This thread, which is to accept them, does nothing else meanwhile: the kernel connects them, or does not.
  const until = performance.now() + 20_000
  for (let seen = 0; seen < fleet && performance.now() < until; seen = Atomics.load(connected, 0)) {
    Atomics.wait(connected, 0, seen, 100)
  }
  assert.equal(Atomics.load(connected, 0), fleet)
  assert.equal(entered.length, 0)
})
