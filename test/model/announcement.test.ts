import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readAnnouncement } from '../../src/model/announcement.ts'

const read = (addresses: string[], peer: string) =>
  readAnnouncement({ gateway: 'edge', id: 'edge-1', addresses, peer })

/** The addresses that count, and those that do not. */
function judged(addresses: string[], peer = '192.0.2.1') {
  const { announcement, ignored } = read(addresses, peer)
  return { counted: announcement?.addresses, ignored: ignored.map(({ address }) => address) }
}

describe('what an Envoy announces', () => {
  test('counts in one spelling, sorted, each address once', () => {
    const addresses = ['2001:DB8:0::1', '10.0.0.9', '10.0.0.10', '2001:db8::1']
    assert.deepEqual(judged(addresses), { counted: ['10.0.0.10', '10.0.0.9', '2001:db8::1'], ignored: [] })
  })

  test('is where its stream comes from when it announces nothing', () => {
    assert.deepEqual(read([], '192.0.2.1').announcement, {
      ...{ gateway: 'edge', node: 'edge-1', addresses: [], peer: '192.0.2.1' },
    })
  })

  for (const address of [
    ...['edge.internal', '', '10.0.0.1:80', '0.0.0.0', '::', '0:0::0', 'fe80::1%eth0', '::ffff:10.0.0.1'],
    ...['169.254.169.254', 'fe80::1', '224.0.0.1', '255.255.255.255', 'ff02::1', '127.0.0.1', '::1'],
  ]) {
    test(`"${address}" from another machine counts for nothing, and the rest counts`, () => {
      assert.deepEqual(judged(['10.0.0.1', address]), { counted: ['10.0.0.1'], ignored: [address] })
    })
  }

  test('is nowhere when nothing of what it announces counts: its peer is no guess for that', () => {
    assert.equal(read(['edge.internal'], '192.0.2.1').announcement, undefined)
  })

  test('may be a loopback address where it comes from one, too', () => {
    assert.deepEqual(judged(['127.0.0.2'], '127.0.0.1'), { counted: ['127.0.0.2'], ignored: [] })
    assert.deepEqual(judged(['127.0.0.2'], '::1'), { counted: ['127.0.0.2'], ignored: [] })
  })

  test('is nowhere when it says nothing and comes from no address', () => {
    for (const peer of ['', 'unknown', 'fe80::1%eth0']) assert.equal(read([], peer).announcement, undefined)
  })
})
