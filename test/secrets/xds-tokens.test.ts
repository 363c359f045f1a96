import assert from 'node:assert/strict'
import { test } from 'node:test'
import { masterKey } from '../../src/secrets/master-key.ts'
import { createXdsTokens } from '../../src/secrets/xds-tokens.ts'

const [first, second] = [1, 2].map((byte) => masterKey(Buffer.alloc(32, byte)))

/** A weir that knows these keys, and uses the first of them. */
const knowing = (...keys: (typeof first)[]) =>
  createXdsTokens({ find: (id) => keys.find((key) => key?.id === id), preferred: () => keys[0]! })

const pass = { gateways: ['edge', 'a.b'], until: 1_800_000_000_000 }

test('a token says what it was made for, wherever its key is known', () => {
  const token = knowing(first).issue(pass)
  assert.match(token, /^weir_xds_[\w-]+\.[\w-]+$/)
  assert.deepEqual(knowing(first).read(token), pass)
  assert.deepEqual(knowing(second, first).read(token), pass)
})

test('it ends with its key, and one that was changed says nothing', () => {
  const token = knowing(first).issue(pass)
  assert.equal(knowing(second).read(token), undefined)
  const [said = '', proof = ''] = token.slice('weir_xds_'.length).split('.')
  const json = Buffer.from(said, 'base64url').toString()
  const forge = (text: string) => `weir_xds_${Buffer.from(text).toString('base64url')}.${proof}`
  for (const forged of [
    forge(json.replace('edge', 'core')),
    forge(json.replace('1800000000000', '1900000000000')),
    forge('"edge"'),
    forge('[1]'),
    forge('{'),
    `weir_xds_${said}.${'A'.repeat(43)}`,
    `weir_xds_${said}`,
    `${token}x`,
    said,
    '',
  ]) {
    assert.equal(knowing(first).read(forged), undefined, forged)
  }
  assert.deepEqual(knowing(first).read(forge(json)), pass)
})
