import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { gateway, route, startEdge } from '../support/edge.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { until } from '../support/until.ts'

const answers = route('a', '/', { respond: { status: 204 } })

/** A connection on which a request was answered, and which stays open; nothing where it was closed instead. */
function occupy(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /ready HTTP/1.1\r\nhost: a\r\n\r\n'))
    socket.once('data', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
    socket.once('close', () => resolve(undefined))
  })
}

test('connections beyond the bound of a listener, or of the whole Envoy, are closed at once', async (t) => {
  const health = await freePort()
  const edge = await startEdge({}, { maxConnections: 3, health: { host: '127.0.0.1', port: health } })
  const open: Socket[] = []
  t.after(async () => {
    for (const socket of open) socket.destroy()
    await edge.stop()
  })
  const other = await freePort()
  const listeners = [
    { name: 'http', port: edge.port, protocol: 'http', maxConnections: 2 },
    { name: 'other', port: other, protocol: 'http' },
  ]
  await edge.apply(gateway(edge.port, { listeners }), answers)
  const isServed = (port: number) =>
    send(port, { path: '/' }).then(
      ({ status }) => status === 204,
      () => false,
    )
  await until('both listeners serve', async () => (await isServed(edge.port)) && (await isServed(other)))
  await until('no connection is left', async () => {
    const stats = await edge.envoy.stats('listener.127.*downstream_cx_active')
    return Object.values(stats).every((active) => active === 0)
  })

  const isOpen = async (port: number) => {
    const socket = await occupy(port)
    if (socket !== undefined) open.push(socket)
    return socket !== undefined
  }
  const opened: boolean[] = []
  for (const port of [edge.port, edge.port, edge.port, other, other]) opened.push(await isOpen(port))
  assert.deepEqual(opened, [true, true, false, true, false])
  assert.equal(await isOpen(health), true, 'balancers are told all the same')
  const { 'connection_limit.edge_http.limited_connections': limited } =
    await edge.envoy.stats('limited_connections')
  assert.equal(limited, 1)

  open[0]!.destroy()
  await until('there is room again', () => isOpen(edge.port))
})

test('an Envoy whose heap is full refuses requests, and can be asked why', async (t) => {
  const edge = await startEdge({}, { maxHeapBytes: 1024 ** 2 })
  t.after(edge.stop)
  await edge.apply(answers)
  await until('it refuses', async () => (await edge.send('/')).status === 503)
  const { headers, body } = await edge.send('/')
  assert.equal(headers['content-type'], 'application/problem+json')
  assert.equal(JSON.parse(body).title, 'Service Unavailable')
  const stats = await edge.envoy.stats('overload.envoy.overload_actions')
  assert.partialDeepStrictEqual(stats, {
    'overload.envoy.overload_actions.stop_accepting_requests.active': 1,
    'overload.envoy.overload_actions.shrink_heap.active': 1,
  })
})
