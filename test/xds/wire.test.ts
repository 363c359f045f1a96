import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from '../../src/envoy-api/protos.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { resourcesOf } from '../../src/xds/snapshot.ts'
import { encodeDeltaResponse, encodeSotwResponse, type WireMessage } from '../../src/xds/wire.ts'
import { edsCluster, endpoints, snapshotOf } from './resources.ts'

const messageType = 'envoy.service.discovery.v3.DeltaDiscoveryResponse'

/** As grpc-js puts it behind its prefix. */
function whole(message: WireMessage): Buffer {
  const bytes = Buffer.alloc(5 + message.byteLength)
  assert.equal(message.copy(bytes, 5), message.byteLength)
  return bytes.subarray(5)
}

test('a response has the very bytes that a protobuf encoder makes', () => {
  const long = 'x'.repeat(300)
  const snapshot = snapshotOf('edge', 70_000, { cluster: [edsCluster('a'), edsCluster(long)] })
  const upserts = [...resourcesOf(snapshot, typeUrls.cluster).values()]
  const removed = ['gone', 'ünïcode', long]
  const bytes = whole(
    encodeDeltaResponse({
      type: typeUrls.cluster,
      nonce: 'n.1',
      revision: 70_000,
      upserts,
      removed,
      resources: upserts.length,
      removals: removed.length,
    }),
  )
  const message = {
    system_version_info: '70000',
    resources: upserts.map(({ name, version, any }) => {
      return { name, version, resource: decode('google.protobuf.Any', any) }
    }),
    type_url: typeUrls.cluster,
    nonce: 'n.1',
    removed_resources: removed,
  }
  assert.deepEqual(decode(messageType, bytes), decode(messageType, encode(messageType, message)))
  assert.equal(bytes.length, encode(messageType, message).length)
})

test('so has one of the state of the world', () => {
  const snapshot = snapshotOf('edge', 1, { cluster: [edsCluster('a'), edsCluster('x'.repeat(300))] })
  const content = [...resourcesOf(snapshot, typeUrls.cluster).values()]
  const counts = { resources: 2, removals: 0 }
  const bytes = whole(
    encodeSotwResponse({ type: typeUrls.cluster, nonce: 'n.1', version: 'v', content, ...counts }),
  )
  const type = 'envoy.service.discovery.v3.DiscoveryResponse'
  const resources = content.map(({ any }) => decode('google.protobuf.Any', any))
  const message = { version_info: 'v', resources, type_url: typeUrls.cluster, nonce: 'n.1' }
  assert.deepEqual(decode(type, bytes), decode(type, encode(type, message)))
})

test('an empty response has no resources', () => {
  const bytes = whole(
    encodeDeltaResponse({
      type: typeUrls.listener,
      nonce: '1',
      revision: 1,
      upserts: [],
      removed: [],
      resources: 0,
      removals: 0,
    }),
  )
  assert.deepEqual(decode(messageType, bytes), {
    system_version_info: '1',
    type_url: typeUrls.listener,
    nonce: '1',
  })
})

test('equal resources have equal versions, whichever snapshot they come from', () => {
  const [a, b] = [1, 2].map((revision) => snapshotOf('edge', revision, { endpoints: [endpoints('a', 80)] }))
  const version = (snapshot: typeof a) => resourcesOf(snapshot!, typeUrls.endpoints).get('a')?.version
  assert.equal(version(a), version(b))
})
