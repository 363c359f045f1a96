import assert from 'node:assert/strict'
import { test } from 'node:test'
import { any } from '../../src/envoy-api/build.ts'
import { type EncodedResource, encodeResources } from '../../src/envoy-api/encoded.ts'
import { grown } from '../../src/envoy-api/grown.ts'
import { decode } from '../../src/envoy-api/protos.ts'
import { type Message, typeUrls } from '../../src/envoy-api/types.ts'

const jwt = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication'
const mutation = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation'

function extension(type: string, config: Message): EncodedResource {
  const message = { name: 'e', typed_config: any(type, config) }
  return encodeResources(new Map([[typeUrls.extension, new Map([['e', message]])]]))
    .get(typeUrls.extension)!
    .get('e')!
}

const issuers = (...names: string[]) =>
  extension(jwt, {
    // Of a length that takes two bytes.
    providers: Object.fromEntries(names.map((name) => [name, { issuer: name.repeat(200) }])),
    requirement_map: Object.fromEntries(names.map((name) => [name, { provider_name: name }])),
  })

function read(type: string, resource: EncodedResource): Message {
  const { value } = decode('google.protobuf.Any', resource.any) as { value: Buffer }
  const { typed_config } = decode('envoy.config.core.v3.TypedExtensionConfig', value)
  return decode(type, (typed_config as { value: Buffer }).value)
}

test('entries of maps are of both, and the later one wins', () => {
  const [before, after] = [issuers('a', 'b'), issuers('b', 'c')]
  const both = grown(before, after)!
  assert.equal(both.towards, after.version)
  const { providers, requirement_map } = read(jwt, both) as { providers: Message; requirement_map: Message }
  assert.deepEqual(Object.keys(providers).sort(), ['a', 'b', 'c'])
  assert.deepEqual(Object.keys(requirement_map).sort(), ['a', 'b', 'c'])
  const other = extension(jwt, { providers: { a: { issuer: 'other' } } })
  assert.deepEqual((read(jwt, grown(before, other)!).providers as Message).a, { issuer: 'other' })
})

test('numbers and switches are those of the later one, also where it has the default', () => {
  const before = extension(jwt, { providers: { a: { issuer: 'a' } }, bypass_cors_preflight: true })
  const both = read(jwt, grown(before, issuers('b'))!)
  assert.deepEqual(Object.keys(both.providers as Message).sort(), ['a', 'b'])
  assert.ok(!both.bypass_cors_preflight)
  const only = extension(jwt, { bypass_cors_preflight: true })
  assert.equal(grown(only, extension(jwt, {})), undefined, 'nothing else is left over')
})

test('it has grown already, or need not', () => {
  const [before, after] = [issuers('a', 'b'), issuers('b', 'c')]
  const both = grown(before, after)!
  assert.equal(grown(both, after)!.version, both.version)
  assert.equal(grown(before, issuers('a', 'b', 'c')), undefined)
  assert.equal(grown(before, extension(mutation, {})), undefined)
})

test('lists within a message are of both', () => {
  const removing = (...names: string[]) =>
    extension(mutation, { mutations: { request_mutations: names.map((remove) => ({ remove })) } })
  const both = grown(removing('x-a'), removing('x-b'))!
  // The decoder here takes the last message of a field for all, where others put them together.
  for (const name of ['x-a', 'x-b']) assert.ok(both.any.includes(name), name)
})

test('of limits that an Envoy counts by itself there is no larger one: it would have two of the same', () => {
  const local = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'
  const limit = (max_tokens: number) =>
    extension(local, {
      stat_prefix: 'a',
      descriptors: [{ entries: [{ key: 'policy', value: 'a' }], token_bucket: { max_tokens } }],
    })
  assert.equal(grown(limit(1), limit(2)), undefined)
})
