import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Event } from '../../src/observe.ts'
import { followTls } from '../../src/startup/guard-xds.ts'
import { issue } from '../support/certificate.ts'
import { createPki } from '../support/guarded-xds.ts'
import { until } from '../support/until.ts'

function start(t: TestContext) {
  const pki = createPki()
  t.after(pki.close)
  const events: Event[] = []
  const files = {
    certificateFile: join(pki.folder, 'server.pem'),
    keyFile: join(pki.folder, 'server.key'),
    clientCaFile: join(pki.folder, 'client-ca.pem'),
  }
  const follow = async () => {
    const followed = await followTls(files, (event) => events.push(event), 5)
    t.after(followed.stop)
    return followed
  }
  const told = (name: Event['event']) => events.filter(({ event }) => event === name).length
  return { pki, follow, told, events }
}

test('files that cannot be served stop the start with one line that names the file and nothing of a key', async (t) => {
  const { pki, follow } = start(t)
  const other = issue({ commonName: 'other' })
  const good = pki.renewServer()
  const cases: [name: string, text: string, says: RegExp][] = [
    ['server.pem', 'nonsense', /server\.pem is not PEM text/],
    ['server.pem', good.privateKey, /server\.pem holds a PRIVATE KEY where a CERTIFICATE is wanted/],
    ['server.pem', other.certificate, /server\.key is not the key of .*server\.pem/],
    ['server.key', '', /server\.key is not PEM text/],
    ['client-ca.pem', good.certificate.slice(0, 300), /client-ca\.pem is not PEM text/],
  ]
  for (const [name, text, says] of cases) {
    pki.putCertificate('server', good)
    pki.put('client-ca.pem', pki.clientCa.certificate)
    pki.put(name, text)
    await assert.rejects(follow(), says)
  }
  pki.put('client-ca.pem', pki.clientCa.certificate)
  pki.putCertificate('server', issue({ commonName: 'old', until: -1_000 }))
  await assert.rejects(follow(), /server\.pem has expired/)
  rmSync(join(pki.folder, 'server.key'))
  await assert.rejects(follow(), /server\.key does not exist. Correct WEIR_XDS_TLS_/)
})

test('what is replaced is followed; what cannot be served is told once, and changes nothing', async (t) => {
  const { pki, follow, told, events } = start(t)
  const followed = await follow()
  const seen: string[] = []
  followed.follow(({ certificate }) => seen.push(certificate))
  const first = followed.current()
  pki.put('server.pem', issue({ commonName: 'of another key' }).certificate)
  await until('it is told', () => told('xds_tls_unusable') === 1)
  assert.deepEqual([followed.current(), seen], [first, []])
  const renewed = pki.renewServer()
  await until('it is followed', () => told('xds_tls_renewed') === 1)
  assert.equal(followed.current().certificate, renewed.certificate)
  assert.deepEqual(seen, [renewed.certificate])
  assert.equal(told('xds_tls_unusable'), 1)
  pki.put('client-ca.pem', issue({ commonName: 'new CA', isCa: true }).certificate)
  await until('it is followed', () => told('xds_tls_renewed') === 2)
  const changes = events.flatMap((event) => (event.event === 'xds_tls_renewed' ? [event.caChanged] : []))
  assert.deepEqual(changes, [false, true])
})
