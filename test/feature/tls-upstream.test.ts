import assert from 'node:assert/strict'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { TlsOptions } from 'node:tls'
import { issue, type TestCertificate } from '../support/certificate.ts'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'

const ca = issue({ commonName: 'internal', isCa: true })
const right = issue({ commonName: 'search', names: ['search.internal'], issuer: ca })
const wild = issue({ commonName: 'wild', names: ['*.internal'], issuer: ca })
const wrong = issue({ commonName: 'other', names: ['other.internal'], issuer: ca })
const alone = issue({ commonName: 'alone', names: ['search.internal'] })
const client = issue({ commonName: 'edge', issuer: ca })

interface SecureUpstream {
  port: number
  /** What arrived: the protocol, the name asked for, and the client's certificate. */
  seen: { version: string; name: string | false | null; client: string | undefined }[]
  close(): Promise<void>
}

async function start(server: Server | Http2SecureServer): Promise<SecureUpstream> {
  const seen: SecureUpstream['seen'] = []
  server.on('request', (request, response) => {
    const { socket } = request
    const peer = socket.getPeerCertificate?.()
    seen.push({ version: request.httpVersion, name: socket.servername, client: peer?.subject?.CN })
    response.end('secure')
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if ('closeAllConnections' in server) server.closeAllConnections()
      }),
  }
}

const of = ({ certificate, privateKey }: TestCertificate): TlsOptions => ({
  cert: certificate,
  key: privateKey,
})
const certificate = (name: string, { certificate, privateKey }: TestCertificate, keyed = true) => ({
  kind: 'Certificate',
  name,
  spec: { pem: { certificate, ...(keyed ? { privateKey } : {}) } },
})

describe('TLS to endpoints', () => {
  let edge: Edge
  const upstreams: Record<string, SecureUpstream> = {}

  before(async () => {
    edge = await startEdge()
    upstreams.right = await start(createServer(of(right)))
    upstreams.wild = await start(createServer(of(wild)))
    upstreams.wrong = await start(createServer(of(wrong)))
    upstreams.alone = await start(createServer(of(alone)))
    upstreams.strict = await start(
      createServer({ ...of(right), ca: ca.certificate, requestCert: true, rejectUnauthorized: true }),
    )
    upstreams.h2 = await start(createSecureServer({ ...of(right), allowHTTP1: true }))
    const to = (name: string, upstream: string, tls: object, more: object = {}) => [
      cluster(name, upstreams[upstream]!, { tls, outlierDetection: 'none', ...more }),
      route(name, `/${name}`, { forward: [{ cluster: name }] }),
    ]
    const known = { sni: 'search.internal', ca: 'internal-ca' }
    const checked = { type: 'http', path: '/healthz', interval: '200ms', timeout: '1s' }
    const { body } = await edge.weir.apply(
      certificate('internal-ca', ca, false),
      certificate('edge-client', client),
      ...to('right', 'right', known),
      ...to('wild', 'wild', known),
      ...to('wrong', 'wrong', known),
      ...to('allowed', 'wrong', { ...known, san: ['search.internal', 'other.internal'] }),
      ...to('alone', 'alone', known),
      ...to('public', 'alone', { sni: 'search.internal' }),
      ...to('unpresented', 'strict', known),
      ...to('presented', 'strict', { ...known, clientCertificate: 'edge-client' }),
      ...to('auto', 'h2', known, { protocol: 'auto', healthCheck: checked }),
      ...to('auto-h1', 'right', known, { protocol: 'auto', healthCheck: checked }),
      ...to('h2', 'h2', known, { protocol: 'http2' }),
      ...to('h1', 'h2', known, { protocol: 'http1' }),
    )
    assert.deepEqual(body.warnings, [])
  })
  after(async () => {
    await edge?.stop()
    for (const upstream of Object.values(upstreams)) await upstream.close()
  })

  const served = async (name: string, upstream: string) => {
    const { status, body } = await edge.send(`/${name}`)
    assert.deepEqual([status, body], [200, 'secure'], name)
    return upstreams[upstream]!.seen.at(-1)!
  }
  const refused = async (name: string, upstream: string) => {
    const before = upstreams[upstream]!.seen.length
    assert.equal((await edge.send(`/${name}`)).status, 503, name)
    assert.equal(upstreams[upstream]!.seen.length, before, 'the request never arrives')
  }

  test('the right CA and name: requests arrive, with the name asked for', async () => {
    assert.deepEqual(await served('right', 'right'), {
      version: '1.1',
      name: 'search.internal',
      client: undefined,
    })
    await served('wild', 'wild')
  })

  test('the right CA and another name is refused, unless it is among those that are wanted', async () => {
    await refused('wrong', 'wrong')
    await served('allowed', 'wrong')
  })

  test('one that signed itself is refused, under a CA and under the public roots', async () => {
    await refused('alone', 'alone')
    await refused('public', 'alone')
  })

  test('an endpoint that wants a certificate gets the cluster’s', async () => {
    await refused('unpresented', 'strict')
    assert.equal((await served('presented', 'strict')).client, 'edge')
  })

  test('HTTP/2 and HTTP/1.1 are asked for by ALPN, and auto takes what there is, health checks included', async () => {
    for (const [name, upstream, version] of [
      ['auto', 'h2', '2.0'],
      ['auto-h1', 'right', '1.1'],
      ['h2', 'h2', '2.0'],
      ['h1', 'h2', '1.1'],
    ] as const) {
      assert.equal((await served(name, upstream)).version, version, name)
    }
  })

  test('another CA in the same Certificate is in force at once, and the cluster stays', async () => {
    const { 'cluster_manager.cluster_modified': before } = await edge.envoy.stats('cluster_manager')
    await edge.apply(certificate('internal-ca', alone, false))
    await served('alone', 'alone')
    await edge.apply(certificate('internal-ca', ca, false))
    const { 'cluster_manager.cluster_modified': after } = await edge.envoy.stats('cluster_manager')
    assert.equal(after, before)
  })
})
