import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import { pemProblem } from '../../src/model/pem.ts'
import { selfSigned } from '../support/certificate.ts'

const { certificate, privateKey } = selfSigned('shop.example')
const pkcs8 = (key: KeyObject, more = {}) => String(key.export({ format: 'pem', type: 'pkcs8', ...more }))
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey
const passphrase = { cipher: 'aes-256-cbc', passphrase: 'x' }
const own = createPrivateKey(privateKey)
const block = (label: string) => `-----BEGIN ${label}-----\nc2VjcmV0\n-----END ${label}-----\n`

describe('a private key', () => {
  const cases: [string, string, string | undefined][] = [
    ['P-256', pkcs8(ec('P-256')), undefined],
    ['P-384', pkcs8(ec('P-384')), undefined],
    ['P-521', String(ec('P-521').export({ format: 'pem', type: 'sec1' })), undefined],
    ['RSA of 2048 bits', String(rsa(2_048).export({ format: 'pem', type: 'pkcs1' })), undefined],
    ['RSA of 1024 bits', pkcs8(rsa(1_024)), 'is an RSA key of 1024 bits, and Envoy wants 2048 or more'],
    ['another curve', pkcs8(ec('secp256k1')), 'is an ECDSA key over secp256k1, which Envoy does not serve'],
    ['Ed25519', pkcs8(generateKeyPairSync('ed25519').privateKey), undefined],
    [
      'Ed448',
      pkcs8(generateKeyPairSync('ed448').privateKey),
      'is a key of type ed448, which Envoy does not serve',
    ],
    ['PKCS #8 with a passphrase', pkcs8(own, passphrase), 'is protected by a passphrase'],
    [
      'the old form with a passphrase',
      String(own.export({ format: 'pem', type: 'sec1', ...passphrase })),
      'is protected by a passphrase',
    ],
    ['no key', block('PRIVATE KEY'), 'is PEM text that holds no private key'],
    ['two', privateKey + privateKey, 'holds more than one private key'],
    ['a certificate', certificate, 'holds a CERTIFICATE where a PRIVATE KEY is wanted'],
    ['other text', 'secret', 'is not PEM text'],
  ]
  for (const [what, text, problem] of cases)
    test(`${what}: ${problem ?? 'is one'}`, () => assert.equal(pemProblem(text, 'PRIVATE KEY'), problem))
})

describe('a certificate', () => {
  const cases: [string, string, string | undefined][] = [
    ['one', certificate, undefined],
    ['a chain', certificate + certificate, undefined],
    ['no certificate', block('CERTIFICATE'), 'is PEM text that holds no X.509 certificate'],
    [
      'a chain with a hole',
      certificate + block('CERTIFICATE'),
      'is PEM text whose block 2 holds no X.509 certificate',
    ],
    ['with its key', certificate + privateKey, 'holds a PRIVATE KEY where a CERTIFICATE is wanted'],
  ]
  for (const [what, text, problem] of cases)
    test(`${what}: ${problem ?? 'is one'}`, () => assert.equal(pemProblem(text, 'CERTIFICATE'), problem))
})
