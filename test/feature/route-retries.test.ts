import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { freePort } from '../support/ports.ts'
import { sendEach } from '../support/send-each.ts'
import { type Answer, startUpstream, type Upstream } from '../support/upstream.ts'

/** Answers with the statuses that the path names, one after the other, the last one for ever; `hang` never answers. */
function scripted(): Answer {
  const turns = new Map<string, number>()
  return (response, request) => {
    const script = request.url!.split('/').at(-1)!.split(',')
    const turn = turns.get(request.url!) ?? 0
    turns.set(request.url!, turn + 1)
    const status = script[Math.min(turn, script.length - 1)]!
    if (status === 'hang') return
    if (status === 'reset') request.socket.destroy()
    else response.writeHead(Number(status)).end()
  }
}

let edge: Edge
let a: Upstream
let refusing: number

before(async () => {
  ;[a, refusing] = await Promise.all([startUpstream('a', scripted()), freePort()])
  edge = await startEdge()
  const none = {
    kind: 'Cluster',
    name: 'none',
    spec: { endpoints: [{ address: '127.0.0.1', port: refusing }] },
  }
  // The upstream fails on purpose; nobody is to be ejected for it.
  await edge.apply(cluster('a', a, { outlierDetection: 'none' }), none)
})

after(async () => {
  await edge?.stop()
  await a?.close()
})

/** How a request ended, and how often the upstream was asked. */
async function asked(path: string): Promise<{ status: number; tries: number }> {
  const { status } = await edge.send(path)
  return { status, tries: a.seen.filter(({ url }) => url === path).length }
}

test('what fails is tried again as often as is written, besides the first try', async () => {
  await edge.apply(
    route('retried', '/retried', { retry: { attempts: 2, on: ['5xx'] } }),
    route('plain', '/plain'),
  )
  assert.deepEqual(await asked('/retried/500'), { status: 500, tries: 3 })
  assert.deepEqual(await asked('/retried/500,503,200'), { status: 200, tries: 3 })
  assert.deepEqual(await asked('/retried/404'), { status: 404, tries: 1 })
  assert.deepEqual(await asked('/plain/500'), { status: 500, tries: 1 })
})

test('only what is listed is tried again', async () => {
  await edge.apply(
    route('gateway-error', '/ge', { retry: { attempts: 1, on: ['gateway_error'] } }),
    route('codes', '/codes', {
      retry: { attempts: 1, on: ['retriable_status_codes'], statusCodes: [404, 409] },
    }),
    route('conflict', '/conflict', { retry: { attempts: 1, on: ['retriable_4xx'] } }),
    route('reset', '/reset', { retry: { attempts: 3, on: ['reset'] } }),
  )
  assert.deepEqual(await asked('/ge/500'), { status: 500, tries: 1 })
  assert.deepEqual(await asked('/ge/503'), { status: 503, tries: 2 })
  assert.deepEqual(await asked('/codes/404'), { status: 404, tries: 2 })
  assert.deepEqual(await asked('/codes/410'), { status: 410, tries: 1 })
  assert.deepEqual(await asked('/conflict/409'), { status: 409, tries: 2 })
  assert.deepEqual(await asked('/reset/reset,reset,200'), { status: 200, tries: 3 })
})

test('a retry goes to an endpoint that was not tried', async () => {
  const endpoints = [a.port, refusing].map((port) => ({ address: '127.0.0.1', port }))
  await edge.apply(
    { kind: 'Cluster', name: 'half', spec: { endpoints, outlierDetection: 'none' } },
    route('half', '/half', {
      forward: [{ cluster: 'half' }],
      retry: { attempts: 1, on: ['connect_failure'] },
    }),
  )
  // One after the other: the pool's bound on retries at once is 3.
  const answers = await sendEach(edge.port, Array(20).fill({ path: '/half/200' }), 1)
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
})

test('a request ends with 504 when its time is over, and a try when its own is', async () => {
  await edge.apply(
    route('short', '/short', { timeout: '250ms' }),
    route('tries', '/tries', { timeout: '5s', retry: { attempts: 1, on: ['5xx'], perTryTimeout: '250ms' } }),
  )
  const started = performance.now()
  assert.deepEqual(await asked('/short/hang'), { status: 504, tries: 1 })
  const took = performance.now() - started
  assert.ok(took >= 240 && took < 5_000, `${took} ms`)
  assert.deepEqual(await asked('/tries/hang,200'), { status: 200, tries: 2 })
})

test('a stream on which nothing moves ends when its idle time is over', async () => {
  await edge.apply(route('idle', '/idle', { timeout: '0s', idleTimeout: '250ms' }))
  assert.deepEqual(await asked('/idle/hang'), { status: 504, tries: 1 })
})

test('a cluster that cannot be connected to is a 503', async () => {
  await edge.apply(route('refused', '/refused', { forward: [{ cluster: 'none' }] }))
  assert.equal((await edge.send('/refused/200')).status, 503)
})
