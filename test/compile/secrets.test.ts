import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { compile } from '../../src/compile/compile.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { decode } from '../../src/envoy-api/protos.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { inClear } from '../../src/secrets/in-clear.ts'
import { changesBetween } from '../../src/xds/snapshot.ts'
import { selfSigned, type TestCertificate } from '../support/certificate.ts'
import { testLive } from '../support/live.ts'
import { secretsOf, stateOf } from '../support/state-of.ts'

const [shop, next, other] = ['shop', 'next', 'other'].map(selfSigned) as [
  TestCertificate,
  TestCertificate,
  TestCertificate,
]
const certificate = (name: string, pem: object) => ({ kind: 'Certificate', name, spec: { pem } })
const gateway = (name: string, port: number, ...certificates: string[]) => ({
  kind: 'Gateway',
  name,
  spec: { listeners: [{ name: 'https', port, protocol: 'https', tls: { certificates } }] },
})
const written = (served: object) => [
  gateway('edge', 1, 'shop'),
  gateway('back', 2, 'other'),
  certificate('shop', served),
  certificate('other', other),
]

function compiled(documents: readonly object[], name = 'edge', secrets = secretsOf(documents)) {
  return compile(stateOf(documents)!, name, testLive({ secrets })).resources
}

/** What an Envoy gets as its certificate and key. */
function pairIn(resources: ReturnType<typeof compiled>) {
  const encoded = encodeResources(resources, inClear).get(typeUrls.secret)!
  const { value } = decode('google.protobuf.Any', encoded.get('certificate/shop')!.any) as { value: Buffer }
  const { tls_certificate } = decode('envoy.extensions.transport_sockets.tls.v3.Secret', value) as {
    tls_certificate: { certificate_chain: object; private_key: object }
  }
  return tls_certificate
}

describe('secrets', () => {
  test('each gateway has those that it names', () => {
    const documents = written(shop)
    assert.deepEqual([...compiled(documents).get(typeUrls.secret)!.keys()], ['certificate/shop'])
    assert.deepEqual([...compiled(documents, 'back').get(typeUrls.secret)!.keys()], ['certificate/other'])
  })

  test('a private key is in the bytes, and in no text of the messages; without its reader nothing is encoded', () => {
    const resources = compiled(written(shop))
    assert.deepEqual(pairIn(resources), {
      certificate_chain: { inline_string: shop.certificate },
      private_key: { inline_string: shop.privateKey },
    })
    const fresh = compiled(written(shop))
    const texts = [inspect(fresh, { depth: 9 }), JSON.stringify([...fresh.get(typeUrls.secret)!])]
    for (const text of texts) {
      assert.match(text, /\[redacted\]/)
      assert.doesNotMatch(text, /PRIVATE KEY/)
    }
    assert.throws(() => encodeResources(fresh), /nothing was given that can tell it/)
  })

  test('another value changes the secret alone', () => {
    const snapshot = (documents: object[]) => ({
      ...{ gateway: 'edge', revision: 1 },
      resources: encodeResources(compiled(documents), inClear),
    })
    const changes = changesBetween(snapshot(written(shop)), snapshot(written(next)))
    assert.deepEqual([...changes], [[typeUrls.secret, new Set(['certificate/shop'])]])
  })

  test('without its key, or where that cannot be read, the placeholder takes the place of both', () => {
    const { certificate, privateKey } = testLive().placeholder
    const documents = written(shop)
    for (const resources of [
      compiled(documents, 'edge', new Map()),
      compiled(written({ certificate: shop.certificate })),
    ]) {
      assert.deepEqual(pairIn(resources), {
        certificate_chain: { inline_string: certificate },
        private_key: { inline_string: privateKey.reveal() },
      })
    }
  })
})
