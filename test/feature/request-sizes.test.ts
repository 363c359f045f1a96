import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { sendHttp2 } from '../support/http2.ts'
import { rawExchange } from '../support/raw.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge({ maxRequestHeaderBytes: '4KiB', maxUrlBytes: '1KiB' })
  await edge.apply(cluster('a', upstream), route('a', '/'))
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

interface Sizes {
  url?: number
  header?: number
  count?: number
}

/** A path of so many bytes, a header whose value has so many, so many more headers. */
function request({ url = 1, header = 0, count = 0 }: Sizes) {
  const more = Array.from({ length: count }, (_, index): [string, string] => [`x-${index}`, 'y'])
  return {
    path: `/${'u'.repeat(url - 1)}`,
    headers: { 'x-a': 'a'.repeat(header), ...Object.fromEntries(more) },
  }
}

const titles: Record<number, string> = {
  414: 'URI Too Long',
  431: 'Request Header Fields Too Large',
}

describe('a request is refused by its sizes, with a problem document', () => {
  const cases: [title: string, sizes: Sizes, status: number][] = [
    ['a URL of the size that is allowed', { url: 1_024 }, 200],
    ['a URL of a byte more', { url: 1_025 }, 414],
    ['headers of the size that is allowed, almost', { header: 3_500 }, 200],
    ['headers of more', { header: 4_200 }, 431],
    ['a URL that even the headers may not be as large as', { url: 5_000 }, 431],
    ['as many headers as allowed, almost', { count: 90 }, 200],
    ['more headers than allowed', { count: 101 }, 431],
  ]
  for (const [title, sizes, status] of cases) {
    test(`HTTP/1: ${title}`, async () => {
      const { path, headers } = request(sizes)
      const lines = Object.entries({ host: 'shop.example', connection: 'close', ...headers })
      const head = [`GET ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n')
      const answer = await rawExchange(edge.port, `${head}\r\n\r\n`)
      assert.equal(answer.slice(0, 13), `HTTP/1.1 ${status} `)
      if (status === 200) return
      const { title: given, status: said } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
      assert.deepEqual([given, said], [titles[status], status])
    })

    test(`HTTP/2: ${title}`, async () => {
      const answered = sendHttp2(edge.port, request(sizes))
      if (status === 431) await assert.rejects(answered, /NGHTTP2_INTERNAL_ERROR/, 'Envoy ends the stream')
      else assert.equal(await answered, status)
    })
  }

  test('a URL is measured in its plain form', async () => {
    assert.equal((await edge.send(`/${'a'.repeat(600)}/../${'b'.repeat(600)}`)).status, 200)
    assert.equal((await edge.send(`/?${'q'.repeat(1_100)}`)).status, 414, 'with its query')
  })
})

test('headers may be larger, where the gateway says so', async () => {
  // A service may take less than the gateway.
  const own = route('own', '/own', { respond: { status: 204 } })
  await edge.apply(gateway(edge.port, { maxRequestHeaderBytes: '200KiB' }), own)
  const headers = { 'x-a': 'a'.repeat(60_000), 'x-b': 'b'.repeat(50_000) }
  const path = `/own/${'u'.repeat(60_000)}`
  await until('the new listener answers', async () => (await edge.send({ path, headers })).status === 204)
})
