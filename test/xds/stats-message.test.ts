import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readStats } from '../../src/xds/stats-message.ts'

// Enough of protobuf's encoding to write what Envoy sends.
function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let left = value; bytes.length === 0 || left > 0; left = Math.floor(left / 128)) {
    bytes.push((left % 128) + (left >= 128 ? 128 : 0))
  }
  return Buffer.from(bytes)
}
const part = (field: number, ...parts: Buffer[]) => {
  const content = Buffer.concat(parts)
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content])
}
const text = (field: number, value: string) => part(field, Buffer.from(value))
const integer = (field: number, value: number) => Buffer.concat([varint(field * 8), varint(value)])
const double = (field: number, value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([varint(field * 8 + 1), bytes])
}

const labels = (pairs: Record<string, string>) =>
  Buffer.concat(Object.entries(pairs).map(([name, value]) => part(1, text(1, name), text(2, value))))
const family = (name: string, ...metrics: Buffer[]) =>
  part(2, text(1, name), integer(3, 0), ...metrics.map((metric) => part(4, metric)))
const counter = (pairs: Record<string, string>, value: number) =>
  Buffer.concat([labels(pairs), part(3, double(1, value)), integer(6, 1_700_000_000_000)])
const histogram = (pairs: Record<string, string>, cumulative: Record<string, number>) => {
  const buckets = Object.entries(cumulative).map(([bound, count]) =>
    part(3, integer(1, count), double(2, Number(bound))),
  )
  return Buffer.concat([labels(pairs), part(7, integer(1, 9), double(2, 1.5), ...buckets)])
}

const manager = (prefix: string, code?: string) => ({
  'envoy.http_conn_manager_prefix': prefix,
  ...(code !== undefined && { 'envoy.response_code_class': code }),
})
const message = Buffer.concat([
  part(1, part(1, text(1, 'edge-1'), text(2, 'edge'))),
  family(
    'cluster.upstream_rq_xx',
    counter({ 'envoy.cluster_name': 'a', 'envoy.response_code_class': '5' }, 70),
  ),
  family('http.downstream_rq_xx', counter(manager('edge/http', '2'), 95)),
  family('http.downstream_rq_xx', counter(manager('edge/http', '5'), 3)),
  family('http.downstream_rq_xx', counter(manager('edge/https', '5'), 2), counter(manager('admin', '5'), 40)),
  family('http.downstream_rq_total', counter(manager('edge/http'), 1_000)),
  family('http.downstream_rq_time', histogram(manager('edge/http'), { 1: 0, 5: 60, 10: 90, 25: 95 })),
  family('http.downstream_rq_time', histogram(manager('edge/https'), { 5: 1, 10: 5 })),
  family('http.downstream_rq_time', histogram(manager('weir_readiness'), { 5: 50 })),
])

describe('what is read of an Envoy’s stats', () => {
  test('the requests of its clients, their errors and times, over all listeners', () => {
    const { node, figures } = readStats(message)
    assert.equal(node?.toString('latin1'), '\n\u0006edge-1\u0012\u0004edge')
    assert.deepEqual([figures.requests, figures.errors], [100, 5])
    assert.deepEqual(Object.fromEntries(figures.times), { 5: 61, 10: 34, 25: 5 })
  })

  test('nothing of a message that says nothing of them', () => {
    const { node, figures } = readStats(Buffer.alloc(0))
    assert.deepEqual([node, figures.requests, figures.errors, figures.times.size], [undefined, 0, 0, 0])
  })

  test('what is cut off anywhere, or is no number, is refused and never misread', () => {
    for (let length = 1; length < message.length; length++) {
      const whole = (() => {
        try {
          return readStats(message.subarray(0, length)).figures.requests
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error))
          return 0
        }
      })()
      assert.ok(whole <= 100)
    }
    for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      const bad = family('http.downstream_rq_xx', counter(manager('edge/http', '2'), value))
      assert.throws(() => readStats(bad), RangeError)
    }
    assert.throws(() => readStats(part(2, text(1, 'http.downstream_rq_xx'), integer(4, 1))), RangeError)
    assert.throws(() => readStats(Buffer.from([0x0f])), /wire type 7/)
    assert.throws(() => readStats(Buffer.alloc(11, 0xff)), RangeError)
  })
})
