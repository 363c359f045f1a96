import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { associatedData, open, rewrap, seal } from '../../src/secrets/envelope.ts'
import { masterKey, parseMasterKey } from '../../src/secrets/master-key.ts'

const key = masterKey(randomBytes(32))
const other = masterKey(randomBytes(32))
const belonging = {
  id: '7c1c1b3e-8f5c-4a53-9a5e-0d3f0a1b2c3d',
  kind: 'Certificate',
  name: 'shop',
  pointer: '/spec/pem/privateKey',
}
const text = 'a private key, ünïcode and all\n'

describe('the envelope', () => {
  test('what is sealed is opened', () => {
    const sealed = seal(key, belonging, text)
    assert.equal(open(key, belonging, sealed).toString(), text)
    assert.ok(!sealed.includes('private'))
  })

  test('the same text is never sealed to the same bytes', () => {
    const [one, two] = [seal(key, belonging, text), seal(key, belonging, text)]
    for (let start = 1; start + 16 <= one.length; start++) {
      assert.ok(!two.includes(one.subarray(start, start + 16)))
    }
  })

  test('a change of any bit of it is noticed, and any cut', () => {
    const sealed = seal(key, belonging, 'short')
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.throws(() => open(key, belonging, changed), `bit ${bit}`)
    }
    for (let length = 0; length < sealed.length; length++) {
      assert.throws(() => open(key, belonging, sealed.subarray(0, length)), `${length} bytes`)
    }
  })

  test('another key opens nothing', () => {
    assert.throws(() => open(other, belonging, seal(key, belonging, text)))
  })

  for (const field of ['id', 'kind', 'name', 'pointer'] as const) {
    test(`moved to another ${field} it does not open`, () => {
      const sealed = seal(key, belonging, text)
      assert.throws(() => open(key, { ...belonging, [field]: `${belonging[field]}x` }, sealed))
    })
  }

  test('rewrapped, it opens by the new key alone, and its text is not encrypted anew', () => {
    const sealed = seal(key, belonging, text)
    const again = rewrap(key, other, belonging, sealed)
    assert.equal(open(other, belonging, again).toString(), text)
    assert.throws(() => open(key, belonging, again))
    const wrapped = 1 + 12 + 32 + 16
    assert.deepEqual(again.subarray(wrapped), sealed.subarray(wrapped))
    assert.notDeepEqual(again.subarray(0, wrapped), sealed.subarray(0, wrapped))
  })

  test('no two lists of texts are the same associated data', () => {
    assert.notDeepEqual(associatedData('ab', 'c'), associatedData('a', 'bc'))
    assert.notDeepEqual(associatedData('a:1:b'), associatedData('a', 'b'))
  })
})

describe('a master key', () => {
  const bytes = randomBytes(32)
  for (const encoding of ['base64', 'base64url', 'hex'] as const) {
    test(`is read as ${encoding}`, () => {
      assert.equal(parseMasterKey(bytes.toString(encoding))?.id, masterKey(bytes).id)
    })
  }

  test('of another length, or no key at all, is none', () => {
    for (const length of [0, 16, 31, 33, 64]) {
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        assert.equal(
          parseMasterKey(randomBytes(length).toString(encoding)),
          undefined,
          `${length} ${encoding}`,
        )
      }
    }
    assert.equal(parseMasterKey('a passphrase is no key, however long it is!'), undefined)
  })
})
