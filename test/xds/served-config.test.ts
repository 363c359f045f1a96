import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { encode } from '../../src/envoy-api/protos.ts'
import { type Message, typeUrls } from '../../src/envoy-api/types.ts'
import { Fleet } from '../../src/xds/fleet.ts'
import { servedConfig } from '../../src/xds/served-config.ts'

const unknown = 'type.googleapis.com/weir.Unknown'
const inline = (text: string) => ({ inline_string: text })
const messages: [type: keyof typeof typeUrls, Message][] = [
  [
    'cluster',
    { name: 'a', metadata: { typed_filter_metadata: { x: { type_url: unknown, value: Buffer.of(1) } } } },
  ],
  ['cluster', { name: 'b', connect_timeout: { seconds: 5 } }],
  [
    'secret',
    { name: 'pair', tls_certificate: { certificate_chain: inline('open'), private_key: inline('hidden') } },
  ],
  [
    'secret',
    { name: 'more', tls_certificate: { password: inline('hidden'), ocsp_staple: inline('hidden') } },
  ],
  ['secret', { name: 'generic', generic_secret: { secret: inline('hidden') } }],
  ['secret', { name: 'tickets', session_ticket_keys: { keys: [inline('hidden')] } }],
]

test('a served configuration shows all but secrets, and what was refused', () => {
  const resources = new Map<(typeof typeUrls)[keyof typeof typeUrls], Map<string, Message>>()
  for (const [type, message] of messages) {
    const byName = resources.get(typeUrls[type]) ?? new Map<string, Message>()
    resources.set(typeUrls[type], byName.set(String(message.name), message))
  }
  // What is looked for would be found in what is sent.
  assert.ok(encode(typeUrls.secret.slice(20), messages[2]![1]).includes('hidden'))
  const snapshot = { gateway: 'edge', revision: 7, resources: encodeResources(resources) }
  const fleet = new Fleet(() => 0)
  const identity = { gateway: 'edge', id: 'edge-1', labels: {}, version: '1.40.0', addresses: [] }
  const nacks = [{ type: 'cluster', resource: 'b', error: 'no such thing' }]
  fleet.connect(identity as never, '127.0.0.1:1', {
    protocol: 'delta',
    revision: () => 7,
    types: () => ({}),
    deviations: () => [],
    delivery: () => ({ state: 'nacked', nacks }),
  })
  const config = (question: { id: string; type?: string }) =>
    servedConfig(fleet, () => snapshot, { gateway: 'edge', ...question })

  assert.equal(config({ id: 'edge-2' }), undefined)
  const clusters = config({ id: 'edge-1', type: 'cluster' })!.resources
  assert.deepEqual(
    clusters.map(({ name, refused }) => [name, refused]),
    [
      ['a', undefined],
      ['b', 'no such thing'],
    ],
  )
  assert.deepEqual(clusters[0]!.resource, {
    '@type': typeUrls.cluster,
    name: 'a',
    metadata: { typed_filter_metadata: { x: { '@type': unknown, value: 'AQ==' } } },
  })
  const all = config({ id: 'edge-1' })!
  assert.equal(all.resources.length, messages.length)
  assert.doesNotMatch(JSON.stringify(all), /hidden|aGlkZGVu/)
  const secret = (name: string) => all.resources.find((each) => each.name === name)!.resource
  const redacted = '[redacted]'
  assert.deepEqual(secret('pair').tls_certificate, {
    certificate_chain: inline('open'),
    private_key: redacted,
  })
  assert.deepEqual(secret('more').tls_certificate, { password: redacted, ocsp_staple: redacted })
  assert.equal(secret('generic').generic_secret, redacted)
  assert.equal(secret('tickets').session_ticket_keys, redacted)
})
