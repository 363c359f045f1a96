import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { drainOf, stepsOf } from '../../src/control/plan.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { type Message, type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import { DeltaStream } from '../../src/xds/delta.ts'
import { StreamMemory } from '../../src/xds/memory.ts'
import { changesBetween, resourcesOf, type Snapshot } from '../../src/xds/snapshot.ts'

const chain = (name: string, prefix = name) => ({
  name,
  filters: [{ name: prefix }],
})
const encoded = (message: Message) =>
  encodeResources(new Map([[typeUrls.listener, new Map([['l', { name: 'l', ...message }]])]]))
    .get(typeUrls.listener)!
    .get('l')!

describe('what a listener drains', () => {
  const buffer = { per_connection_buffer_limit_bytes: { value: 1 } }
  const cases: [string, Message, Message | undefined, string | undefined][] = [
    ['all, when it is removed', { filter_chains: [chain('a')] }, undefined, 'removed'],
    [
      'all, when a field of its own changes',
      { filter_chains: [chain('a')] },
      { filter_chains: [chain('a')], ...buffer },
      'replaced',
    ],
    [
      'a filter chain that changes',
      { filter_chains: [chain('a')] },
      { filter_chains: [chain('a', 'b')] },
      'filter_chains',
    ],
    [
      'a filter chain that goes',
      { filter_chains: [chain('a'), chain('b')] },
      { filter_chains: [chain('b')] },
      'filter_chains',
    ],
    [
      'nothing, when filter chains become more',
      { filter_chains: [chain('a')] },
      { filter_chains: [chain('b'), chain('a')] },
      undefined,
    ],
    [
      'the default filter chain that changes',
      { default_filter_chain: chain('a') },
      { default_filter_chain: chain('b') },
      'filter_chains',
    ],
  ]
  for (const [title, before, after, how] of cases) {
    test(title, () => {
      const drain = drainOf(encoded(before), after && encoded(after))
      assert.deepEqual(drain, how === undefined ? undefined : { listener: 'l', how })
    })
  }
})

/** Resources of every type by few names, each in one of two versions. */
const snapshots = fc
  .dictionary(
    fc.constantFrom(...Object.keys(typeUrls)),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(1, 2)),
  )
  .map((byType): Snapshot => {
    const nameFields: Record<string, string> = { endpoints: 'cluster_name' }
    const resources = new Map(
      Object.entries(typeUrls).map(([type, url]): [TypeUrl, Map<string, Message>] => [
        url,
        new Map(
          Object.entries(byType[type] ?? {}).map(([name, version]) => [
            name,
            versioned(type, nameFields[type] ?? 'name', name, version),
          ]),
        ),
      ]),
    )
    return { gateway: 'edge', revision: 1, resources: encodeResources(resources) }
  })

function versioned(type: string, field: string, name: string, version: number): Message {
  const more: Record<string, Message> = {
    cluster: { connect_timeout: { seconds: version, nanos: 0 } },
    endpoints: { policy: { overprovisioning_factor: { value: 100 + version } } },
    listener: { per_connection_buffer_limit_bytes: { value: version } },
    route: { max_direct_response_body_size_bytes: { value: version } },
    secret: { generic_secret: { secret: { inline_string: String(version) } } },
  }
  return { [field]: name, ...more[type] }
}

/** What a client that has asked for everything, and accepts everything, is sent: `type name`, in order. */
function sentTo(stream: DeltaStream): { resource: string; response: number }[] {
  const sent: { resource: string; response: number }[] = []
  for (let round = 0; ; round++) {
    const responses = stream.advance()
    if (responses.length === 0) return sent
    const short = new Map<string, string>(Object.entries(typeUrls).map(([type, url]) => [url, type]))
    for (const { type, nonce, upserts, removed } of responses) {
      const names = [...upserts.map(({ name }) => name), ...removed]
      for (const name of names) sent.push({ resource: `${short.get(type)} ${name}`, response: round })
      stream.onRequest({ type_url: type, response_nonce: nonce })
    }
  }
}

test('the steps are the order in which a stream sends them', () => {
  let compared = 0
  fc.assert(
    fc.property(snapshots, snapshots, (before, after) => {
      const clock = { now: () => 0, random: () => 0 }
      const stream = new DeltaStream(before, new StreamMemory(clock))
      for (const type of Object.values(typeUrls)) {
        stream.onRequest({ type_url: type, resource_names_subscribe: ['*'] })
      }
      sentTo(stream)
      const changes = changesBetween(before, after)
      stream.onSnapshot(after, changes)
      const sent = sentTo(stream)
      const change = { added: [], changed: [], removed: [] } as Parameters<typeof stepsOf>[0]
      for (const [type, url] of Object.entries(typeUrls)) {
        for (const name of changes.get(url) ?? []) {
          const [had, has] = [resourcesOf(before, url).has(name), resourcesOf(after, url).has(name)]
          ;(had ? (has ? change.changed : change.removed) : change.added).push({ type, name })
        }
      }
      const steps = stepsOf(change)
      assert.deepEqual(
        steps.flatMap(({ resources }) => resources.map(({ type, name }) => `${type} ${name}`)).sort(),
        [...change.added, ...change.changed, ...change.removed]
          .map(({ type, name }) => `${type} ${name}`)
          .sort(),
      )
      const when = (step: (typeof steps)[number]) =>
        step.resources.map(({ type, name }) =>
          sent.findIndex(({ resource }) => resource === `${type} ${name}`),
        )
      for (const [index, step] of steps.entries()) {
        assert.ok(
          when(step).every((at) => at >= 0),
          `everything of step ${index + 1} is sent`,
        )
        for (const later of steps.slice(index + 1)) {
          const types = step.resources.map(({ type }) => type)
          const isFree = later.does === 'remove' && later.resources[0]!.type === 'secret'
          if (isFree && !types.some((type) => ['cluster', 'listener'].includes(type))) continue
          compared++
          assert.ok(
            Math.max(...when(step)) < Math.min(...when(later)),
            `${JSON.stringify(step)} comes before ${JSON.stringify(later)}: ${JSON.stringify(sent)}`,
          )
        }
      }
    }),
    { seed: 11, numRuns: 200 },
  )
  assert.ok(compared > 200, `${compared} pairs of steps`)
})
