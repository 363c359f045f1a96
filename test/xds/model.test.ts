import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { typeUrls } from '../../src/envoy-api/types.ts'
import type { Snapshot } from '../../src/xds/snapshot.ts'
import { resourcesOf } from '../../src/xds/snapshot.ts'
import { EnvoyModel } from './envoy-model.ts'
import { plainSnapshot, type ShortType } from './plain.ts'

const names = ['a', 'b', 'c']

interface Plan {
  clusters: Record<string, number>
  endpoints: Record<string, number>
  /** Route configuration -> which of the clusters, version, and whether it is one that is refused. */
  routes: Record<string, [cluster: number, version: number, bad: boolean]>
  /** Listener -> which of the route configurations, and likewise. */
  listeners: Record<string, [route: number, version: number, bad: boolean]>
  badClusters: boolean
}

type Step = { publish: Plan } | 'receive' | 'transmit' | 'reconnect'

const version = fc.integer({ min: 1, max: 3 })
const some = <T>(value: fc.Arbitrary<T>) => fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3 })
const reference = fc.tuple(
  fc.nat(2),
  version,
  fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
)
const plan = (badClusters: boolean): fc.Arbitrary<Plan> =>
  fc.record({
    clusters: some(version),
    endpoints: some(version),
    routes: some(reference),
    listeners: some(reference),
    badClusters: fc.constant(badClusters),
  })

const steps = (badClusters: boolean): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: plan(badClusters).map((publish): Step => ({ publish })) },
      { weight: 8, arbitrary: fc.constantFrom<Step>('receive', 'transmit') },
      { weight: 1, arbitrary: fc.constant<Step>('reconnect') },
    ),
    { maxLength: 60, size: 'max' },
  )

function snapshotFrom(
  revision: number,
  { clusters, endpoints, routes, listeners, badClusters }: Plan,
): Snapshot {
  const known = Object.keys(clusters)
  const route = known.length === 0 ? {} : mapValues(routes, (item) => referring(known, item))
  const routeNames = Object.keys(route)
  const listener = routeNames.length === 0 ? {} : mapValues(listeners, (item) => referring(routeNames, item))
  const clusterVersion = (n: number) => (badClusters && n === 3 ? 'bad' : String(n))
  return plainSnapshot(revision, {
    cluster: mapValues(clusters, clusterVersion),
    endpoints: mapValues(endpoints, clusterVersion),
    listener,
    route,
  })
}

function referring(targets: string[], [which, n, bad]: [number, number, boolean]): string {
  return `${targets[which % targets.length]}:${n}${bad ? 'bad' : ''}`
}

function mapValues<A, B>(object: Record<string, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
}

function run(list: Step[], checkReferences: boolean): void {
  let revision = 1
  let snapshot = plainSnapshot(revision, {})
  const envoy = new EnvoyModel(snapshot, checkReferences)
  for (const step of list) {
    if (step === 'receive') envoy.receive()
    else if (step === 'transmit') envoy.transmit()
    else if (step === 'reconnect') envoy.reconnect()
    else {
      snapshot = snapshotFrom(++revision, step.publish)
      envoy.publish(snapshot)
    }
  }
  let turns = 0
  while (envoy.receive() || envoy.transmit()) assert.ok(turns++ < 2_000, 'they never come to rest')
  assert.deepEqual(envoy.problems, [])
  assertConverged(envoy, snapshot)
}

/** The client has the snapshot, but for versions that it refused, and for what those may still need. */
function assertConverged(envoy: EnvoyModel, snapshot: Snapshot): void {
  const { session } = envoy.stream
  const frozen = ['listener', 'route'].some((short) => session.types()[short]?.state === 'nacked')
  for (const short of ['cluster', 'endpoints', 'listener', 'route'] as const) {
    const { has, subscribed, asked } = envoy.types[short]
    const wildcard = short === 'cluster' || short === 'listener'
    assert.ok(asked || !wildcard, `${short} was never asked for`)
    const target = resourcesOf(snapshot, typeUrls[short])
    for (const [name, { version }] of target) {
      if (version.includes('bad') || !(wildcard || subscribed.has(name))) continue
      assert.equal(has.get(name), version, `${short} ${name} is not what was published`)
    }
    for (const name of has.keys()) {
      assert.ok(target.has(name) || (frozen && short !== 'listener'), `${short} ${name} should be gone`)
    }
  }
  const refused = (['cluster', 'endpoints', 'listener', 'route'] as ShortType[]).some((short) => {
    return session.types()[short]?.state === 'nacked'
  })
  if (refused) assert.equal(session.delivery().state, 'nacked')
}

test('whatever happens, an Envoy converges, nothing is sent twice, and no route ever lacks its cluster', () => {
  fc.assert(
    fc.property(steps(false), (list) => run(list, true)),
    { numRuns: 2_000 },
  )
})

test('an Envoy that refuses clusters and endpoints too converges in the rest', () => {
  fc.assert(
    fc.property(steps(true), (list) => run(list, false)),
    { numRuns: 2_000 },
  )
})
