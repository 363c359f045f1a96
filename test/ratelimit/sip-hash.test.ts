import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sipHash128, sipInput, sipKey } from '../../src/ratelimit/identity/sip-hash.ts'

// The first vectors of the reference implementation: key 00 01 .. 0f, message 00 01 .. of each length.
const vectors = [
  'a3817f04ba25a8e66df67214c7550293',
  'da87c1d86b99af44347659119b22fc45',
  '8177228da4a45dc7fca38bdef60affe4',
]
const key = sipKey(Buffer.from(Array.from({ length: 16 }, (_, index) => index)))

for (const [length, expected] of vectors.entries()) {
  test(`the reference vector of ${length} bytes`, () => {
    const input = sipInput(length + 8)
    input.bytes.fill(0xff)
    for (let index = 0; index < length; index++) input.bytes[index] = index
    const { a, b, c, d } = sipHash128(key, input, length)
    const out = Buffer.alloc(16)
    for (const [index, word] of [a, b, c, d].entries()) out.writeInt32LE(word, index * 4)
    assert.equal(out.toString('hex'), expected)
  })
}
