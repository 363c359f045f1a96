import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { openEventStream } from '../../src/admin/event-stream.ts'
import { createEventLog, type EventLog } from '../../src/control/event-log.ts'
import type { FleetEvent } from '../../src/model/fleet-event.ts'
import { startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { type EventClient, readEvents } from '../support/event-client.ts'
import { until } from '../support/until.ts'

const at = '2026-01-01T00:00:00.000Z'
const envoy = (gateway: string) => ({ at, gateway, id: `${gateway}-1`, peer: '127.0.0.1:5' })
const written = (revision: number): FleetEvent => ({ type: 'revision', at, revision })
const acked = (revision: number, gateway = 'edge'): FleetEvent => {
  return { type: 'acked', ...envoy(gateway), revision }
}

describe('GET /v1/events', () => {
  let admin: TestAdmin
  let log: EventLog
  before(async () => {
    log = createEventLog(8)
    admin = await startAdmin({ events: log })
  })
  after(() => admin.close())
  const read = (query = '', lastEventId?: string): Promise<EventClient> =>
    readEvents({ url: admin.url, token }, query, lastEventId)

  /** What a client with this query gets of what is written now; it ends with the event that is told to all. */
  async function told(query: string, events: FleetEvent[]): Promise<FleetEvent[]> {
    const client = await read(query)
    const all = await read()
    for (const event of events) log.append(event)
    log.append(written(999))
    await all.event((event) => event.type === 'revision' && event.revision === 999)
    // Both are written to in one tick, so that what this one gets is on its way.
    const rest = await read(query, client.lastId())
    await until('the same is read again', () => rest.events.length >= client.events.length)
    for (const each of [client, all, rest]) each.close()
    return client.events.filter((event) => !(event.type === 'revision' && event.revision === 999))
  }

  test('200: events as they happen, of the type text/event-stream, never cached', async () => {
    const client = await read()
    assert.equal(client.headers.get('content-type'), 'text/event-stream')
    assert.equal(client.headers.get('cache-control'), 'no-store')
    log.append(written(1))
    log.append(acked(1))
    await client.event(({ type }) => type === 'acked')
    assert.deepEqual(client.events, [written(1), acked(1)])
    client.close()
  })

  test('?types, ?revision and ?gateway leave out the rest', async () => {
    const events = [written(2), acked(2), acked(2, 'other'), acked(3)]
    assert.deepEqual(await told('?types=acked', events), [acked(2), acked(2, 'other'), acked(3)])
    assert.deepEqual(await told('?revision=2', events), [written(2), acked(2), acked(2, 'other')])
    assert.deepEqual(await told('?gateway=other', events), [written(2), acked(2, 'other')])
    assert.deepEqual(await told('?gateway=edge&types=acked&revision=3', events), [acked(3)])
  })

  test('Last-Event-ID: a client that comes back misses nothing, even one that had no event yet', async () => {
    const client = await read()
    await until('the id is there', () => client.lastId() !== '')
    const id = client.lastId()
    client.close()
    log.append(acked(4))
    log.append(acked(5))
    const back = await read('', id)
    await back.event((event) => event.type === 'acked' && event.revision === 5)
    assert.deepEqual(back.events, [acked(4), acked(5)])
    back.close()
    log.append(acked(6))
    const again = await read('', back.lastId())
    await again.event(({ type }) => type === 'acked')
    assert.deepEqual(again.events, [acked(6)])
    again.close()
  })

  test('Last-Event-ID: what is not kept any more, or of another weir, is told as lost', async () => {
    const id = log.newest()
    for (let revision = 1; revision <= 9; revision++) log.append(acked(revision))
    for (const lost of [id, 'abc.1']) {
      const client = await read('?types=acked', lost)
      await client.event((event) => event.type === 'acked' && event.revision === 9)
      assert.deepEqual(
        client.events.map((event) => (event.type === 'acked' ? event.revision : event.type)),
        ['lost', 2, 3, 4, 5, 6, 7, 8, 9],
      )
      client.close()
    }
  })

  test('400: an unknown type, revision or parameter; 401 without the token; 405 for HEAD', async () => {
    for (const [query, message] of [
      ['?types=acked,acke', /no events of the type "acke"/],
      ['?types=', /no events of the type ""/],
      ['?revision=0', /revision/],
      ['?since=1', /since/],
    ] as const) {
      const { status, body } = await admin.call('GET', `/v1/events${query}`)
      assert.equal(status, 400, query)
      assert.match(body.errors[0].message, message)
    }
    assert.equal((await fetch(`${admin.url}/v1/events`)).status, 401)
    const head = { method: 'HEAD', headers: { authorization: `Bearer ${token}` } }
    assert.equal((await fetch(`${admin.url}/v1/events`, head)).status, 405)
  })

  test('503: more readers than there may be, until one leaves', async () => {
    const clients = await Promise.all(Array.from({ length: 64 }, () => read()))
    const { status, headers, body } = await admin.call('GET', '/v1/events')
    assert.deepEqual([status, headers.get('retry-after')], [503, '5'])
    assert.equal(body.type, 'urn:weir:problem:busy')
    clients.pop()!.close()
    await until('there is room', async () => {
      const answer = await fetch(`${admin.url}/v1/events`, { headers: { authorization: `Bearer ${token}` } })
      await answer.body?.cancel()
      return answer.status === 200
    })
    for (const client of clients) client.close()
  })

  test('a stop ends the streams in good order', async () => {
    const other = await startAdmin({ events: log })
    const client = await readEvents({ url: other.url, token })
    await until('the id is there', () => client.lastId() !== '')
    await other.close(60_000)
    await client.ended
    assert.deepEqual(client.comments, ['this weir is stopping; connect again'])
  })
})

describe('a client that does not read', () => {
  test('costs nothing while it is away, and is dropped once the log has overtaken it', async () => {
    const log = createEventLog(64)
    const admin = await startAdmin({ events: log })
    const socket = await asleep(admin)
    const long = 'x'.repeat(100_000)
    let revision = 0
    // More than the kernel takes for it.
    for (let n = 0; n < 400; n++)
      log.append({ type: 'disconnected', ...envoy('edge'), reason: `${n} ${long}` })
    await new Promise(setImmediate)
    const quick = await readEvents({ url: admin.url, token })
    for (let n = 0; n < 100; n++) log.append(acked(++revision))
    await quick.event((event) => event.type === 'acked' && event.revision === revision)
    const text = await allOf(socket)
    assert.match(text, /: too slow: events that were not read yet are not kept any more\n\n/)
    quick.close()
    await admin.close()
  })

  test('is dropped when it read nothing for too long; one that is idle gets a comment instead', async () => {
    const log = createEventLog()
    const { signal } = new AbortController()
    const times = { heartbeatMs: 5, stalledMs: 20, graceMs: 5 }
    const common = { events: log, after: undefined, wants: () => true, closing: signal, times }
    const idle = openEventStream(common).setEncoding('utf8')
    const [first] = await once(idle, 'data')
    assert.match(first, /^retry: 1000\nid: \S+\n\n$/)
    assert.equal((await once(idle, 'data'))[0], ': still here\n\n')
    idle.destroy()
    const asleep = openEventStream(common)
    asleep.read(0)
    log.append({ type: 'disconnected', ...envoy('edge'), reason: 'x'.repeat(100_000) })
    await once(asleep, 'close')
  })
})

/** Asks for events and reads none of them. */
async function asleep(admin: TestAdmin): Promise<Socket> {
  const socket = connect(admin.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    `GET /v1/events HTTP/1.1\r\nhost: weir\r\nconnection: close\r\nauthorization: Bearer ${token}\r\n\r\n`,
  )
  await once(socket, 'readable')
  return socket
}

async function allOf(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', (part) => {
    text += part
  })
  await once(socket, 'close')
  return text
}
