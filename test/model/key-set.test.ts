import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { keySetProblem } from '../../src/model/key-set.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'jwk' })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const problem = (key: object) => keySetProblem(JSON.stringify({ keys: [key] }))

test('a key says no algorithm, or one of its kind, or Envoy would refuse its whole set', () => {
  for (const key of [rsa, ec, ed]) assert.equal(problem(key), undefined)
  for (const alg of ['RS256', 'PS512']) assert.equal(problem({ ...rsa, alg }), undefined)
  assert.equal(problem({ ...ec, alg: 'ES256' }), undefined)
  assert.equal(problem({ ...ed, alg: 'EdDSA' }), undefined)
  for (const key of [
    { ...rsa, alg: 'ES256' },
    { ...ec, alg: 'RS256' },
    { ...ec, alg: 'ES384' },
    { ...ed, alg: 'x' },
  ])
    assert.match(problem(key)!, /is for the algorithm/)
})
