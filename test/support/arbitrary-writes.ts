import fc from 'fast-check'

type Written = { kind: string; name: string; spec: object }

/** A write as a user could ask for it; which revision `restore` means depends on how many there are by then. */
export type Write =
  | { apply: Written[]; prune: boolean }
  | { put: Written }
  | { patch: { kind: string; name: string; spec: object } }
  | { remove: { kind: string; name: string } }
  | { restore: { back: number } }

export interface Step {
  /** One of each of two writers, at the same time, or of one alone. */
  writes: [Write, Write?]
  /** The Envoy that loses its stream meanwhile. */
  cut?: 0 | 1
}

const names = {
  Cluster: ['c0', 'c1', 'c2', 'c3', 'tier'],
  RateLimitPolicy: ['l0', 'l1'],
  OutlierDetectionPolicy: ['o0', 'default'],
  Route: ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'],
}

/** Which objects others can name. */
interface Known {
  listeners: readonly string[]
  clusters: readonly string[]
  limits: readonly string[]
  outliers: readonly string[]
}

const listenerNames = ['http', 'extra', 'more']

/** What could be there, of which something may be missing: whoever names that is refused. */
const everything: Known = {
  listeners: listenerNames.slice(0, 2),
  clusters: names.Cluster,
  limits: names.RateLimitPolicy,
  outliers: names.OutlierDetectionPolicy,
}

/** Steps over few names, so that they meet the same objects; `ports` are those of listeners, `services` those of endpoints. */
export function arbitrarySteps(ports: readonly number[], services: readonly number[]): fc.Arbitrary<Step[]> {
  const write = arbitraryWrite(ports, services)
  const step = fc.record(
    {
      writes: fc.oneof(
        { weight: 3, arbitrary: fc.tuple(write) },
        { weight: 2, arbitrary: fc.tuple(write, write) },
      ) as fc.Arbitrary<Step['writes']>,
      cut: fc.option(fc.constantFrom(0 as const, 1 as const), { nil: undefined, freq: 9 }),
    },
    { requiredKeys: ['writes', 'cut'] },
  )
  return fc.array(step as fc.Arbitrary<Step>, { minLength: 2, maxLength: 8 })
}

function arbitraryWrite(ports: readonly number[], services: readonly number[]): fc.Arbitrary<Write> {
  const any = fc.oneof(
    { weight: 4, arbitrary: cluster(everything, services) },
    { weight: 4, arbitrary: route(everything) },
    { weight: 1, arbitrary: limit(everything.limits) },
    { weight: 1, arbitrary: outlier(everything.outliers) },
    { weight: 1, arbitrary: gateway(listenerNames, ports) },
  )
  const { Cluster, ...others } = names
  const referable = fc.oneof(
    ...Object.entries({ Cluster, ...others }).map(([kind, list]) =>
      fc.record({ kind: fc.constant(kind), name: fc.constantFrom(...list) }),
    ),
  )
  const changed = fc.uniqueArray(any, { minLength: 1, maxLength: 4, selector: idOf })
  // The gateway of the Envoys is not there any more.
  const gone = fc.tuple(cluster({ ...everything, outliers: [] }, services, ['c0']))
  const apply = (documents: fc.Arbitrary<Written[]>, prune: boolean) =>
    fc.record({ apply: documents, prune: fc.constant(prune) })
  const restore = fc.record({ back: fc.integer({ min: 1, max: 12 }) })
  return fc.oneof(
    { weight: 10, arbitrary: apply(whole(ports, services), true) },
    { weight: 1, arbitrary: apply(gone, true) },
    { weight: 10, arbitrary: apply(renamed(services), false) },
    { weight: 7, arbitrary: apply(changed, false) },
    { weight: 12, arbitrary: fc.record({ put: any }) },
    { weight: 7, arbitrary: fc.record({ patch: any }) },
    { weight: 10, arbitrary: fc.record({ remove: referable }) },
    { weight: 7, arbitrary: fc.record({ restore }) },
  )
}

const idOf = ({ kind, name }: Written) => `${kind}/${name}`

/** All that there is: what it names is there. */
function whole(ports: readonly number[], services: readonly number[]): fc.Arbitrary<Written[]> {
  const known = fc.record({
    listeners: fc.subarray(listenerNames, { minLength: 1 }),
    clusters: fc.subarray(names.Cluster, { minLength: 1 }),
    limits: fc.subarray(names.RateLimitPolicy),
    outliers: fc.subarray(names.OutlierDetectionPolicy),
    routes: fc.subarray(names.Route),
  })
  return known.chain(({ routes, ...known }) =>
    fc
      .tuple(
        gateway(known.listeners, ports, known.listeners.length),
        fc.constant(inner(ports)),
        ...known.limits.map((name) => limit([name])),
        ...known.outliers.map((name) => outlier([name])),
        ...known.clusters.map((name) => cluster(known, services, [name])),
        ...routes.map((name) => route(known, [name])),
      )
      .map((documents) => documents as Written[]),
  )
}

/** A cluster and the routes that go to it from now on, in one write. */
function renamed(services: readonly number[]): fc.Arbitrary<Written[]> {
  return fc.constantFrom(...names.Cluster).chain((name) => {
    const known = { ...everything, listeners: [], clusters: [name], limits: [], outliers: [] }
    return fc
      .tuple(cluster(known, services, [name]), route(known, ['r0']), route(known, ['r1']))
      .map((documents) => documents as Written[])
  })
}

/** Sometimes something else, such as what is refused. */
function mostly<T>(usual: fc.Arbitrary<T>, other: T): fc.Arbitrary<T> {
  return fc.oneof({ weight: 20, arbitrary: usual }, { weight: 1, arbitrary: fc.constant(other) })
}

function document(kind: string, list: readonly string[], spec: fc.Arbitrary<object>): fc.Arbitrary<Written> {
  return fc.record({ kind: fc.constant(kind), name: fc.constantFrom(...list), spec })
}

function gateway(listeners: readonly string[], ports: readonly number[], atLeast = 1): fc.Arbitrary<Written> {
  const [, ...own] = ports
  const spec = fc
    .record({
      names: fc.shuffledSubarray([...listeners], { minLength: atLeast }),
      // Few, so that listeners change them with each other; the same one twice is refused.
      taken: mostly(
        fc.shuffledSubarray(own, { minLength: listenerNames.length }),
        listenerNames.map(() => own[0]!),
      ),
      timeout: fc.constantFrom('1s', '2s'),
    })
    .map(({ names, taken, timeout }) => ({
      listeners: names.map((name, index) => ({ name, port: taken[index]!, protocol: 'http' })),
      rateLimitService: { timeout },
    }))
  return document('Gateway', ['edge'], spec)
}

/** Another gateway, to which a cluster forwards; it has no Envoy. */
const inner = (ports: readonly number[]): Written => ({
  kind: 'Gateway',
  name: 'inner',
  spec: { listeners: [{ name: 'http', port: ports[0]!, protocol: 'http' }] },
})

function cluster(
  known: Known,
  services: readonly number[],
  list: readonly string[] = names.Cluster,
): fc.Arbitrary<Written> {
  const endpoint = fc.record(
    {
      // A name takes the whole cluster to DNS.
      address: mostly(fc.constantFrom('127.0.0.1', '127.0.0.2', '127.0.0.3'), 'localhost'),
      port: fc.constantFrom(...services),
      weight: fc.integer({ min: 1, max: 3 }),
      priority: fc.constantFrom(0, 0, 1, 5),
      draining: fc.boolean(),
      locality: fc.constantFrom({ region: 'r' }, { region: 'r', zone: 'z' }, { zone: 'y', subZone: 's' }),
    },
    { requiredKeys: ['address', 'port'] },
  )
  const endpoints = fc.uniqueArray(endpoint, {
    maxLength: 4,
    selector: ({ address, port }) => `${address} ${port}`,
  })
  const more = fc.record(
    {
      outlierDetection: fc.constantFrom('none', 'default', ...known.outliers),
      healthCheck: fc.constantFrom(
        { type: 'tcp', interval: '30s', timeout: '500ms' },
        { type: 'http', path: '/', interval: '1m' },
      ),
      loadBalancing: mostly(
        fc.constantFrom<object[]>(
          { policy: 'least_request' },
          { policy: 'maglev', hash: [{ on: 'client_ip' }] },
        ),
        { policy: 'ring_hash' }, // What is hashed is missing.
      ),
      connectTimeout: fc.constantFrom('1s', '2s'),
      protocol: fc.constantFrom('http1', 'http2'),
    },
    { requiredKeys: [] },
  )
  const target = { gateway: { name: 'inner', listener: 'http' } }
  return fc.constantFrom(...list).chain((name) => {
    const served = name === 'tier' ? fc.constant(target) : fc.record({ endpoints })
    const spec = fc.tuple(served, more).map(([served, more]) => ({ ...served, ...more }))
    return document('Cluster', [name], spec)
  })
}

function route(known: Known, list: readonly string[] = names.Route): fc.Arbitrary<Written> {
  const forward = fc
    .uniqueArray(fc.constantFrom(...known.clusters), { minLength: 1, maxLength: 2 })
    .chain((clusters) => fc.tuple(...clusters.map((cluster) => fc.record({ cluster: fc.constant(cluster) }))))
  const forwards = fc.record(
    {
      forward,
      mirror: fc.record({ cluster: fc.constantFrom(...known.clusters) }),
      rateLimits: fc.subarray([...known.limits]),
    },
    { requiredKeys: ['forward'] },
  )
  const answers = fc.constantFrom({ respond: { status: 204 } }, { redirect: { path: '/a', status: 308 } })
  const common = fc.record(
    {
      gateways: fc.oneof(
        { weight: 3, arbitrary: fc.constant(['edge']) },
        {
          weight: 1,
          arbitrary: fc.subarray(['edge', ...known.listeners.map((name) => `edge/${name}`)], {
            minLength: 1,
          }),
        },
      ),
      hosts: fc.subarray(['*', 'a.example', '*.example'], { minLength: 1 }),
      match: fc.record({
        path: mostly(
          fc.constantFrom<object[]>(
            { prefix: '/' },
            { prefix: '/a' },
            { exact: '/b' },
            { regex: '/c[0-9]+' },
          ),
          { regex: '(' },
        ),
      }),
      priority: fc.integer({ min: 0, max: 2 }),
    },
    { requiredKeys: ['gateways', 'match'] },
  )
  const action = fc.oneof({ weight: 5, arbitrary: forwards }, { weight: 1, arbitrary: answers })
  const spec = fc
    .tuple(common, action as fc.Arbitrary<object>)
    .map(([common, action]) => ({ ...common, ...action }))
  return document('Route', list, spec)
}

function limit(list: readonly string[]): fc.Arbitrary<Written> {
  const spec = fc.record({
    algorithm: fc.constant('fixed_window'),
    limit: fc.integer({ min: 1, max: 5 }),
    window: fc.constantFrom('1s', '1m'),
    key: fc.constantFrom([{ constant: 'all' }], [{ client_ip: true }, { header: 'x-key' }]),
  })
  return document('RateLimitPolicy', list, spec)
}

function outlier(list: readonly string[]): fc.Arbitrary<Written> {
  const spec = fc.oneof(
    fc.record({ consecutive5xx: fc.integer({ min: 1, max: 9 }) }),
    fc.constant({ preset: 'hosts' }),
  )
  return document('OutlierDetectionPolicy', list, spec)
}
