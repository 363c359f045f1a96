import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decoder } from '../../src/grpc-lane/hpack/decoder.ts'
import { literal, writeInteger, writeString } from '../../src/grpc-lane/hpack/encoder.ts'
import { huffmanDecode, huffmanEncode, huffmanLength } from '../../src/grpc-lane/hpack/huffman.ts'
import { fieldsOf } from './wire.ts'

const roomy = 1 << 20

function lines(decoder: Decoder, hex: string): string[] {
  return fieldsOf(decoder, Buffer.from(hex.replaceAll(' ', ''), 'hex')).map((field) => field.join(': '))
}

/** The table from its newest entry on, as the RFC prints it. */
function table({ table: entries }: Decoder): string[] {
  return Array.from({ length: entries.length }, (_, index) => {
    const { name, value } = entries.at(index)!
    return `${name}: ${value}`
  })
}

/** RFC 7541 appendix C.2 to C.6: blocks in turn, what each says, and the table's size after it. */
const examples: Record<
  string,
  { tableBytes?: number; blocks: [hex: string, fields: string[], size: number][] }
> = {
  'C.2.1, literal with indexing': {
    blocks: [
      ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key: custom-header'], 55],
    ],
  },
  'C.2.2, literal without indexing': {
    blocks: [['040c 2f73 616d 706c 652f 7061 7468', [':path: /sample/path'], 0]],
  },
  'C.2.3, literal never indexed': {
    blocks: [['1008 7061 7373 776f 7264 0673 6563 7265 74', ['password: secret'], 0]],
  },
  'C.2.4, indexed': { blocks: [['82', [':method: GET'], 0]] },
  'C.3, requests without Huffman': {
    blocks: [
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
        57,
      ],
      [
        '8286 84be 5808 6e6f 2d63 6163 6865',
        [
          ':method: GET',
          ':scheme: http',
          ':path: /',
          ':authority: www.example.com',
          'cache-control: no-cache',
        ],
        110,
      ],
      [
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
        [
          ':method: GET',
          ':scheme: https',
          ':path: /index.html',
          ':authority: www.example.com',
          'custom-key: custom-value',
        ],
        164,
      ],
    ],
  },
  'C.4, requests with Huffman': {
    blocks: [
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
        57,
      ],
      [
        '8286 84be 5886 a8eb 1064 9cbf',
        [
          ':method: GET',
          ':scheme: http',
          ':path: /',
          ':authority: www.example.com',
          'cache-control: no-cache',
        ],
        110,
      ],
      [
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
        [
          ':method: GET',
          ':scheme: https',
          ':path: /index.html',
          ':authority: www.example.com',
          'custom-key: custom-value',
        ],
        164,
      ],
    ],
  },
  'C.6, responses with Huffman, and eviction from a table of 256': {
    tableBytes: 256,
    blocks: [
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        [
          ':status: 302',
          'cache-control: private',
          'date: Mon, 21 Oct 2013 20:13:21 GMT',
          'location: https://www.example.com',
        ],
        222,
      ],
      [
        '4883 640e ffc1 c0bf',
        [
          ':status: 307',
          'cache-control: private',
          'date: Mon, 21 Oct 2013 20:13:21 GMT',
          'location: https://www.example.com',
        ],
        222,
      ],
      [
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
        [
          ':status: 200',
          'cache-control: private',
          'date: Mon, 21 Oct 2013 20:13:22 GMT',
          'location: https://www.example.com',
          'content-encoding: gzip',
          'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
        ],
        215,
      ],
    ],
  },
}

describe('HPACK as RFC 7541 appendix C has it', () => {
  for (const [name, { tableBytes = 4_096, blocks }] of Object.entries(examples)) {
    test(name, () => {
      const decoder = new Decoder(tableBytes, roomy)
      for (const [hex, fields, size] of blocks) {
        assert.deepEqual(lines(decoder, hex), fields)
        assert.equal(decoder.table.size, size)
      }
    })
  }

  test('the table after C.6.3', () => {
    const decoder = new Decoder(256, roomy)
    for (const [hex] of examples['C.6, responses with Huffman, and eviction from a table of 256']!.blocks) {
      lines(decoder, hex)
    }
    assert.deepEqual(table(decoder), [
      'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
      'content-encoding: gzip',
      'date: Mon, 21 Oct 2013 20:13:22 GMT',
    ])
  })

  const integers: [mask: number, value: number, hex: string][] = [
    [0x1f, 10, '0a'],
    [0x1f, 1_337, '1f9a0a'],
    [0xff, 42, '2a'],
  ]
  for (const [mask, value, hex] of integers) {
    test(`C.1, the number ${value} behind a prefix of ${mask.toString(2).length} bits`, () => {
      const target = Buffer.alloc(8)
      assert.equal(target.subarray(0, writeInteger(target, 0, 0, mask, value)).toString('hex'), hex)
    })
  }
})

describe('what a block may not say', () => {
  const broken: Record<string, string> = {
    'an index of nothing': '80',
    'an index beyond both tables': 'be',
    'the name of nothing': '7e 01 61',
    'a number of six bytes': 'ff ff ff ff ff 00',
    'a number that does not end': 'ff ff',
    'a string beyond its block': '00 05 61',
    'a field without its value': '00 01 61',
    'padding of eight bits': '00 01 61 82 1f ff',
    'padding of zeros': '00 01 61 81 18',
    'EOS in a string': '00 01 61 84 ff ff ff ff',
    'a table size beyond the setting': '3f e2 1f',
    'a table size after a field': '82 20',
    'three table sizes': '20 20 20 82',
  }
  for (const [name, hex] of Object.entries(broken)) {
    test(name, () => {
      assert.throws(() => lines(new Decoder(4_096, roomy), hex), { rule: 'compression' })
    })
  }
})

describe('the dynamic table', () => {
  test('two size updates at the beginning: emptied by the first, large again by the second', () => {
    const decoder = new Decoder(4_096, roomy)
    lines(decoder, literal(0x40, 'a', 'b').toString('hex'))
    assert.deepEqual(lines(decoder, '20 3f e1 1f 82'), [':method: GET'])
    assert.deepEqual(table(decoder), [])
    lines(decoder, literal(0x40, 'c', 'd').toString('hex'))
    assert.deepEqual(table(decoder), ['c: d'])
  })

  test('a field that is larger than the table empties it, and is read all the same', () => {
    const decoder = new Decoder(64, roomy)
    lines(decoder, literal(0x40, 'a', 'b').toString('hex'))
    const large = 'x'.repeat(64)
    assert.deepEqual(lines(decoder, literal(0x40, 'a', large).toString('hex')), [`a: ${large}`])
    assert.equal(decoder.table.length, 0)
  })

  test('a value that is too long to be read is skipped, and empties the table as the peer thinks', () => {
    const decoder = new Decoder(64, 256)
    lines(decoder, literal(0x40, 'a', 'b').toString('hex'))
    const block = Buffer.concat([literal(0x00, 'c', '<'.repeat(257)), literal(0x40, 'd', '<'.repeat(257))])
    assert.deepEqual(lines(decoder, block.subarray(0, block.length / 2).toString('hex')), ['c: …'])
    assert.deepEqual(table(decoder), ['a: b'])
    assert.deepEqual(lines(decoder, block.toString('hex')), ['c: …', 'd: …'])
    assert.deepEqual(table(decoder), [])
    assert.throws(() => lines(decoder, literal(0x00, '<'.repeat(257), 'c').toString('hex')), {
      rule: 'compression',
    })
  })

  test('a block in whatever parts is what it is as a whole, and little of it is kept between them', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.constant('<'.repeat(900)),
      fc.constant('a'.repeat(300)),
    )
    const field = fc.tuple(fc.string({ maxLength: 40 }), text, fc.constantFrom(0x00, 0x40))
    fc.assert(
      fc.property(fc.array(field, { maxLength: 8 }), fc.array(fc.nat(2_000)), (fields, cuts) => {
        const whole = Buffer.concat(
          fields.map(([name, value, form]) => literal(form as 0x00 | 0x40, name, value)),
        )
        const [once, inParts] = [new Decoder(100, 400), new Decoder(100, 400)]
        const bounds = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length]
        const seen: (readonly [string, string])[] = []
        for (let index = 1; index < bounds.length; index++) {
          inParts.decode(whole, bounds[index - 1]!, bounds[index]!, index === bounds.length - 1, {
            field: ({ name, value }) => seen.push([name, value]),
            skipped: (name) => seen.push([name, '…']),
          })
          assert.ok(inParts.kept < 500)
        }
        assert.equal(inParts.kept, 0)
        assert.deepEqual(seen, fieldsOf(once, whole))
        assert.deepEqual(table(inParts), table(once))
      }),
    )
  })

  test('holds the newest that fit, whatever is inserted and however it is resized', () => {
    const text = fc.string({ maxLength: 40 }).map((value) => value.replaceAll(/[^ -~]/g, 'x'))
    const step = fc.oneof(
      fc.record({ name: text, value: text }),
      fc.record({ size: fc.integer({ min: 0, max: 400 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const decoder = new Decoder(400, roomy)
        let model: string[] = []
        let limit = 400
        const sizeOf = (line: string) => line.length - 2 + 32
        const evict = () => {
          while (model.reduce((sum, line) => sum + sizeOf(line), 0) > limit) model.pop()
        }
        for (const each of steps) {
          if ('size' in each) {
            limit = each.size
            const target = Buffer.alloc(8)
            const end = writeInteger(target, 0, 0x20, 0x1f, limit)
            fieldsOf(decoder, target.subarray(0, end))
          } else {
            const line = `${each.name}: ${each.value}`
            model = [line, ...model]
            assert.deepEqual(lines(decoder, literal(0x40, each.name, each.value).toString('hex')), [line])
          }
          evict()
          assert.deepEqual(table(decoder), model)
        }
      }),
    )
  })
})

describe('what is encoded is decoded again', () => {
  const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1'))

  test('every string, in the Huffman code', () => {
    fc.assert(
      fc.property(anyBytes, (text) => {
        const target = Buffer.alloc(4 * text.length + 8)
        const end = huffmanEncode(text, target, 0)
        assert.equal(end, huffmanLength(text))
        assert.equal(huffmanDecode(target, 0, end), text)
      }),
    )
  })

  test('every field, in either form, beside others', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyBytes, anyBytes, fc.constantFrom(0x00, 0x40)), { maxLength: 8 }),
        (fields) => {
          const block = Buffer.concat(
            fields.map(([name, value, form]) => literal(form as 0x00 | 0x40, name, value)),
          )
          assert.deepEqual(
            lines(new Decoder(4_096, roomy), block.toString('hex')),
            fields.map(([name, value]) => `${name}: ${value}`),
          )
        },
      ),
    )
  })

  test('a string is written in the shorter form', () => {
    const target = Buffer.alloc(64)
    assert.equal(writeString(target, 0, 'www.example.com'), 13)
    assert.equal(writeString(target, 0, '\x00\x01\x02'), 4)
  })

  test('whatever is decoded either is a list or breaks the rule', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoder = new Decoder(4_096, roomy)
        try {
          fieldsOf(decoder, Buffer.from(bytes))
        } catch (error) {
          assert.equal((error as { rule?: string }).rule, 'compression')
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
