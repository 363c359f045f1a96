import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { validityMessage } from '../../src/model/certificate-chain.ts'
import type { Document } from '../../src/model/document.ts'
import { certificatesIn } from '../../src/model/pem.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { subjectAltNameType } from '../../src/model/subject-alt-name.ts'
import { warningsOf } from '../../src/model/warnings.ts'
import { kinds } from '../../src/policies/index.ts'
import { issue, type TestCertificate } from '../support/certificate.ts'
import type { Written } from '../support/example.ts'
import { stateOf } from '../support/state-of.ts'

const ca = issue({ commonName: 'ca', isCa: true })
const between = issue({ commonName: 'between', isCa: true, issuer: ca })
const leaf = issue({ commonName: 'leaf', issuer: between, names: ['shop.example', '*.Shop.example'] })

function document(chain: string, own: TestCertificate | undefined): Written {
  const key = own === undefined ? {} : { privateKey: own.privateKey }
  return { kind: 'Certificate', name: 'shop', spec: { pem: { certificate: chain, ...key } } }
}

describe('the chain of a certificate that is to be served', () => {
  const sha1 = issue({ commonName: 'old', issuer: ca, digest: 'sha1' })
  const cases: [string, string, TestCertificate | undefined, string | undefined][] = [
    ['alone', leaf.certificate, leaf, undefined],
    ['whole', leaf.certificate + between.certificate + ca.certificate, leaf, undefined],
    [
      'with a gap',
      leaf.certificate + ca.certificate,
      leaf,
      'the certificate is not signed by the one after it',
    ],
    [
      'in another order',
      leaf.certificate + ca.certificate + between.certificate,
      leaf,
      'the certificate is not signed by the one after it',
    ],
    [
      'with a stranger at its end',
      leaf.certificate + between.certificate + leaf.certificate,
      leaf,
      'certificate 2 of the chain is not signed by the one after it',
    ],
    ['by SHA-1', sha1.certificate, sha1, 'the certificate is signed by way of SHA-1'],
    ['a root of old', issue({ commonName: 'root', digest: 'sha1' }).certificate, undefined, undefined],
    ['CAs in any order', between.certificate + leaf.certificate + ca.certificate, undefined, undefined],
  ]
  for (const [what, chain, own, message] of cases) {
    test(`${what}: ${message ?? 'is good'}`, () => {
      const { problems } = readDocument(kinds, document(chain, own))
      assert.deepEqual(
        problems.map(({ pointer, message }) => [pointer, message]),
        message === undefined ? [] : [['/spec/pem/certificate', message]],
      )
    })
  }
})

test('the time in which a certificate is good is told when it is over, not there yet, or nearly over', () => {
  const [certificate] = certificatesIn(leaf.certificate)
  const { validFromDate, validToDate } = certificate!
  const at = (time: number) => validityMessage([certificate!], time)
  const day = 86_400_000
  assert.equal(at(Date.now()), undefined)
  assert.match(at(validToDate.getTime() + 1)!, /^it has expired/)
  assert.match(at(validToDate.getTime() - 14 * day + 1)!, /^it expires soon/)
  assert.equal(at(validToDate.getTime() - 14 * day), undefined)
  assert.match(at(validFromDate.getTime() - 1)!, /^it is not good before/)
})

test('a subject alternative name says which form it has', () => {
  const forms = ['shop.example', '10.0.0.1', '2001:db8::1', 'a@shop.example', 'spiffe://x/y', 'urn:x:y']
  assert.deepEqual(forms.map(subjectAltNameType), ['dns', 'ip', 'ip', 'email', 'uri', 'uri'])
})

describe('warnings of what is served', () => {
  const gateway = (tls: object): Written => ({
    kind: 'Gateway',
    name: 'edge',
    spec: {
      listeners: [
        { name: 'http', port: 1, protocol: 'http' },
        { name: 'https', port: 2, protocol: 'https', tls: { certificates: ['shop'], ...tls } },
      ],
    },
  })
  const route = (hosts: string[], gateways = ['edge']): Written => ({
    kind: 'Route',
    name: 'r',
    spec: { gateways, hosts, match: { path: { prefix: '/' } }, respond: { status: 200 } },
  })
  const warned = (...documents: Written[]) => {
    const state = stateOf(documents)
    assert.ok(state !== undefined)
    const stored = documents.map(({ kind, name }) => state.objects.get(kind)!.get(name)!.document as Document)
    return warningsOf(kinds, stored, state).map(
      ({ kind, pointer, message }) => `${kind} ${pointer}: ${message}`,
    )
  }
  const shop = document(leaf.certificate, leaf)

  test('hosts of routes that no certificate is for, to each who may write them', () => {
    assert.deepEqual(
      warned(gateway({}), shop, route(['*', 'shop.example', 'www.shop.example', '*.shop.example'])),
      [],
    )
    const hosts = ['a.b.shop.example', 'shop.example', 'other.example']
    const told = (host: string) => [
      `Gateway /spec/listeners/1/tls/certificates: no certificate is for ${host}, a host of Route/r`,
      `Certificate /spec/pem/certificate: no certificate of listener edge/https is for ${host}, a host of Route/r`,
      `Route /spec/hosts/${hosts.indexOf(host)}: no certificate of listener edge/https is for ${host}`,
    ]
    assert.deepEqual(
      warned(gateway({}), shop, route(hosts)).sort(),
      ['a.b.shop.example', 'other.example'].flatMap(told).sort(),
    )
    assert.deepEqual(warned(gateway({}), shop, route(['other.example'], ['edge/http'])), [])
  })

  test('a certificate without its key, and rules for clients that nobody asks', () => {
    assert.deepEqual(warned(gateway({ clientCa: 'shop' }), document(leaf.certificate, undefined)), [
      'Gateway /spec/listeners/1/tls/certificates/0: Certificate/shop has no private key',
      'Gateway /spec/listeners/1/tls/clientCa: no client is asked for a certificate',
    ])
  })
})
