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

const fixed = (field: number, value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return Buffer.concat([varint(field * 8 + 1), bytes])
}
const packed = (
  field: number,
  values: number[],
  write: (bytes: Buffer, value: number, at: number) => void,
) => {
  const bytes = Buffer.alloc(8 * values.length)
  for (const [index, value] of values.entries()) write(bytes, value, 8 * index)
  return part(field, bytes)
}

const pair = (field: number, name: string, value: string) =>
  part(field, text(1, name), part(2, text(1, value)))
const tags = (field: number, pairs: Record<string, string>) =>
  Buffer.concat(Object.entries(pairs).map(([name, value]) => pair(field, name, value)))
const start = 1_700_000_000_000_000_000
const sumOf = (name: string, points: [Record<string, string>, number][], temporality = 1) =>
  part(
    2,
    text(1, name),
    part(
      7,
      ...points.map(([pairs, value]) =>
        part(1, fixed(2, start), fixed(3, start + 2_000_000_000), fixed(6, value), tags(7, pairs)),
      ),
      integer(2, temporality),
    ),
  )
const gaugeOf = (name: string, points: [Record<string, string>, number][]) =>
  part(2, text(1, name), part(5, ...points.map(([pairs, value]) => part(1, fixed(6, value), tags(7, pairs)))))
const histogram = (name: string, pairs: Record<string, string>, counts: number[], bounds: number[]) =>
  part(
    2,
    text(1, name),
    part(
      9,
      part(
        1,
        fixed(4, 9),
        double(5, 1.5),
        packed(6, counts, (bytes, value, at) => void bytes.writeBigUInt64LE(BigInt(value), at)),
        packed(7, bounds, (bytes, value, at) => void bytes.writeDoubleLE(value, at)),
        tags(9, pairs),
      ),
      integer(2, 1),
    ),
  )

const manager = (prefix: string, code?: string) => ({
  'envoy.http_conn_manager_prefix': prefix,
  ...(code !== undefined && { 'envoy.response_code_class': code }),
})
const resource = part(1, pair(1, 'weir.node', 'edge-1'), pair(1, 'weir.gateway', 'edge'))
const requestOf = (...metrics: Buffer[]) => part(1, resource, part(2, part(1, text(1, 'scope')), ...metrics))
const requests = 'http.downstream_rq_xx'
const times = 'http.downstream_rq_time'
const message = requestOf(
  sumOf('cluster.upstream_rq_xx', [[{ 'envoy.cluster_name': 'a', 'envoy.response_code_class': '5' }, 70]]),
  sumOf(requests, [
    [manager('edge/http', '2'), 95],
    [manager('edge/http', '5'), 3],
  ]),
  sumOf(requests, [
    [manager('edge/https', '5'), 2],
    [manager('admin', '5'), 40],
  ]),
  sumOf(requests, [[manager('edge/http', '5'), 7_000]], 2),
  sumOf('http.downstream_rq_total', [[manager('edge/http'), 1_000]]),
  histogram(times, manager('edge/http'), [0, 60, 30, 3, 2], [1, 5, 10, 25]),
  histogram(times, manager('edge/https'), [1, 4], [5, 10]),
  histogram(times, manager('weir_readiness'), [50], [5]),
)

describe('what is read of an Envoy’s stats', () => {
  test('the requests of its clients, their errors and times, over all listeners', () => {
    const { attributes, figures, overMs } = readStats(message)
    assert.deepEqual(Object.fromEntries(attributes), { 'weir.node': 'edge-1', 'weir.gateway': 'edge' })
    assert.deepEqual([figures.requests, figures.errors, overMs], [100, 5, 2_000])
    assert.deepEqual(Object.fromEntries(figures.times), { 5: 61, 10: 34, 25: 5 })
  })

  test('nothing of a message that says nothing of them', () => {
    const { attributes, figures } = readStats(Buffer.alloc(0))
    assert.deepEqual([attributes.size, figures.requests, figures.errors, figures.times.size], [0, 0, 0, 0])
  })

  test('how its clusters are, whatever dots their names have; what is no stat of these is passed over', () => {
    const of = (cluster: string, more = {}) => ({ 'envoy.cluster_name': cluster, ...more })
    const endpoint = (address: string) => of('shop.v1', { 'envoy.endpoint_address': address })
    const { clusters } = readStats(
      requestOf(
        gaugeOf('cluster.membership_healthy', [[of('cart'), 2]]),
        gaugeOf('cluster.v1.membership_healthy', [[of('shop'), 1]]),
        gaugeOf('cluster.v1.upstream_cx_active', [[of('shop'), 7]]),
        sumOf('cluster.v1.health_check.failure', [[of('shop'), 3]]),
        sumOf('cluster.v1.health_check.attempt', [[of('shop'), 9]], 2),
        gaugeOf('cluster.endpoint.healthy', [
          [endpoint('10.0.0.1:80'), 1],
          [endpoint('[::1]:80'), 0],
          [endpoint('constructor'), 1],
        ]),
      ),
    )
    assert.deepEqual(Object.fromEntries(clusters), {
      cart: { gauges: { membership_healthy: 2 }, counts: {}, endpoints: new Map() },
      'shop.v1': {
        gauges: { membership_healthy: 1 },
        // A total since the Envoy's start is not what it counted since it last said so.
        counts: { 'health_check.failure': 3 },
        endpoints: new Map([
          ['10.0.0.1:80', true],
          ['[::1]:80', false],
        ]),
      },
    })
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
      const point = part(1, double(4, value), tags(7, manager('edge/http', '2')))
      const bad = requestOf(part(2, text(1, requests), part(7, point, integer(2, 1))))
      assert.throws(() => readStats(bad), RangeError)
    }
    assert.throws(() => readStats(requestOf(part(2, text(1, requests), integer(7, 1)))), RangeError)
    assert.throws(() => readStats(Buffer.from([0x0f])), /wire type 7/)
    assert.throws(() => readStats(Buffer.alloc(11, 0xff)), RangeError)
  })
})
