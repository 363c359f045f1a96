import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { Memories } from '../../src/xds/memories.ts'
import type { Snapshot } from '../../src/xds/snapshot.ts'
import { resourcesOf } from '../../src/xds/snapshot.ts'
import { type Protocol, protocols } from './dialects.ts'
import { EnvoyModel } from './envoy-model.ts'
import { partsOf, plainSnapshot, type ShortType, stillClock } from './plain.ts'

const names = ['a', 'b', 'c']
const all = Object.keys(typeUrls) as ShortType[]

interface Plan {
  clusters: Record<string, number>
  endpoints: Record<string, number>
  secrets: Record<string, number>
  /** Route configuration -> which of the clusters, which part of the extension, version, and whether it is refused. */
  routes: Record<string, Reference>
  /** Listener -> which of the route configurations and secrets, and likewise. */
  listeners: Record<string, Reference>
  /** What it has besides the parts that are named. */
  extension: { part: number; version: number; bad: boolean }
  badClusters: boolean
}

type Reference = [first: number, second: number, version: number, bad: boolean]
type Turn = 'receive' | 'transmit' | 'reconnect' | 'retry' | 'heal'
type Step = { publish: Plan } | Turn

const version = fc.integer({ min: 1, max: 3 })
const some = <T>(value: fc.Arbitrary<T>) => fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3 })
const sometimes = fc.integer({ min: 0, max: 5 }).map((n) => n === 0)
const reference = fc.tuple(fc.nat(2), fc.nat(2), version, sometimes)
const plan = (badClusters: boolean): fc.Arbitrary<Plan> =>
  fc.record({
    clusters: some(version),
    endpoints: some(version),
    secrets: some(version),
    routes: some(reference),
    listeners: some(reference),
    extension: fc.record({ part: fc.nat(2), version, bad: badClusters ? sometimes : fc.constant(false) }),
    badClusters: fc.constant(badClusters),
  })

const steps = (badClusters: boolean): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: plan(badClusters).map((publish): Step => ({ publish })) },
      { weight: 8, arbitrary: fc.constantFrom<Step>('receive', 'transmit') },
      { weight: 1, arbitrary: fc.constantFrom<Step>('reconnect', 'retry') },
    ),
    { maxLength: 60, size: 'max' },
  )

function snapshotFrom(
  revision: number,
  { clusters, endpoints, secrets, routes, listeners, extension, badClusters }: Plan,
): Snapshot {
  const known = Object.keys(clusters)
  const route = known.length === 0 ? {} : mapValues(routes, (item) => referring([known, names], item))
  const routeNames = Object.keys(route)
  const needs = [routeNames, Object.keys(secrets), ['x']]
  const listener = routeNames.length === 0 ? {} : mapValues(listeners, (item) => referring(needs, item))
  const demanded = Object.values(route).map((version) => version.split(/[/:]/)[1]!)
  const parts = new Set([...demanded, names[extension.part]!, ...(extension.bad ? ['bad'] : [])])
  const extensions = { x: `${[...parts].sort().join(',')}:${extension.version}` }
  const clusterVersion = (n: number) => (badClusters && n === 3 ? 'bad' : String(n))
  return plainSnapshot(revision, {
    cluster: mapValues(clusters, clusterVersion),
    endpoints: mapValues(endpoints, clusterVersion),
    secret: mapValues(secrets, String),
    extension: routeNames.length === 0 ? {} : extensions,
    listener,
    route,
  })
}

function referring(targets: string[][], [first, second, n, bad]: Reference): string {
  const named = targets.map((names, index) => names[[first, second, 0][index]! % names.length] ?? '')
  return `${named.join('/')}:${n}${bad ? 'bad' : ''}`
}

function mapValues<A, B>(object: Record<string, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
}

function run(protocol: Protocol, list: Step[], checkReferences: boolean): void {
  let revision = 1
  let snapshot = plainSnapshot(revision, {})
  const envoy = new EnvoyModel(protocol, snapshot, checkReferences)
  for (const step of list) {
    if (typeof step === 'string') take(envoy, step)
    else {
      snapshot = snapshotFrom(++revision, step.publish)
      envoy.publish(snapshot)
    }
  }
  rest(envoy)
  assertConverged(protocol, envoy, snapshot)
  assertHeals(protocol, envoy, snapshot)
}

function take(envoy: EnvoyModel, turn: Turn): void {
  if (turn === 'heal') envoy.healed = true
  else envoy[turn]()
}

/** Both sides go on until neither has anything to say. */
function rest(envoy: EnvoyModel): void {
  let turns = 0
  while (envoy.receive() || envoy.transmit()) assert.ok(turns++ < 2_000, 'they never come to rest')
  assert.deepEqual(envoy.problems, [])
}

/** Once the cause of all refusals is gone, one retry brings everything. */
function assertHeals(protocol: Protocol, envoy: EnvoyModel, snapshot: Snapshot): void {
  const { session } = envoy
  envoy.healed = true
  envoy.retry()
  rest(envoy)
  const states = Object.values(session.types()).map(({ state }) => state)
  assert.ok(!states.includes('nacked'), `after a retry: ${JSON.stringify(session.types())}`)
  assertConverged(protocol, envoy, snapshot, true)
}

/** The client has the snapshot, but for versions that it refused, and for what those may still need. */
function assertConverged(protocol: Protocol, envoy: EnvoyModel, snapshot: Snapshot, whole = false): void {
  const { session } = envoy
  const refusedTypes = all.filter((short) => session.types()[short]?.state === 'nacked')
  const frozen = refusedTypes.some((short) => short !== 'endpoints')
  for (const short of all) {
    const { has, subscribed, asked } = envoy.types[short]
    const wildcard = short === 'cluster' || short === 'listener'
    assert.ok(asked || !wildcard, `${short} was never asked for`)
    const target = resourcesOf(snapshot, typeUrls[short])
    for (const [name, resource] of target) {
      const { version } = resource
      const bad = version.includes('bad') || (short === 'extension' && refusedTypes.includes(short))
      if ((bad && !whole) || !(wildcard || subscribed.has(name))) continue
      // It has not shrunk yet.
      if (short === 'extension' && frozen && has.get(name) !== version) {
        const parts = envoy.parts.get(name) ?? new Set()
        assert.ok(parts.isSupersetOf(partsOf(resource)), `${name} lacks parts`)
        continue
      }
      assert.equal(has.get(name), version, `${short} ${name} is not what was published`)
    }
    // Over the state of the world, nobody can be told that a named resource is gone.
    if (!wildcard && protocol === 'sotw') continue
    for (const name of has.keys()) {
      assert.ok(target.has(name) || (frozen && short !== 'listener'), `${short} ${name} should be gone`)
    }
  }
  if (refusedTypes.length > 0) assert.equal(session.delivery().state, 'nacked')
}

for (const protocol of protocols) {
  test(`over ${protocol}, whatever happens, an Envoy converges, nothing is sent twice, no route ever lacks its cluster`, () => {
    fc.assert(
      fc.property(steps(false), (list) => run(protocol, list, true)),
      { numRuns: 2_000 },
    )
  })

  test(`over ${protocol}, an Envoy that refuses clusters and endpoints too converges in the rest`, () => {
    fc.assert(
      fc.property(steps(true), (list) => run(protocol, list, false)),
      { numRuns: 2_000 },
    )
  })

  test(`over ${protocol}, two Envoys of one id converge, each on its own, whatever the other refuses or accepts`, () => {
    const turn = fc.record({
      who: fc.nat(1),
      turn: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom<Turn>('receive', 'transmit') },
        { weight: 2, arbitrary: fc.constantFrom<Turn>('reconnect', 'retry') },
        { weight: 1, arbitrary: fc.constant<Turn>('heal') },
      ),
    })
    const step = fc.oneof(
      { weight: 1, arbitrary: plan(false) },
      { weight: 6, arbitrary: fc.array(turn, { maxLength: 8 }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (list) => {
        let snapshot = plainSnapshot(1, {})
        const memories = new Memories(stillClock)
        const envoys = [0, 1].map(() => new EnvoyModel(protocol, snapshot, true, memories))
        for (const next of list) {
          if (Array.isArray(next)) for (const { who, turn } of next) take(envoys[who]!, turn)
          else {
            snapshot = snapshotFrom(snapshot.revision + 1, next)
            for (const envoy of envoys) envoy.publish(snapshot)
          }
        }
        for (const envoy of envoys) {
          rest(envoy)
          assertConverged(protocol, envoy, snapshot)
        }
        for (const envoy of envoys) assertHeals(protocol, envoy, snapshot)
      }),
      { numRuns: 1_000 },
    )
  })
}
