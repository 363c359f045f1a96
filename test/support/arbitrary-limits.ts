import fc from 'fast-check'

/** A request as somebody asks about it, and as a client sends it. */
export interface LimitedRequest {
  method: string
  path: string
  /** One pair a header line, values as text. */
  headers: readonly (readonly [name: string, value: string])[]
  /** A loopback address. */
  clientIp: string
}

export interface LimitedRoute {
  path: string
  rateLimits: string[]
}

export interface LimitSet {
  policies: { name: string; spec: { algorithm: string } }[]
  /** The gateway's own. */
  everywhere: string[]
  routes: LimitedRoute[]
  requests: LimitedRequest[]
}

/**
 * Nothing comes back within a test, so that an answer does not depend on how fast the machine is. A leaky bucket has no
 * queue then, in which a request would wait as long.
 */
const ages = '1000h'

const small = fc.integer({ min: 0, max: 4 })

const numbers: Readonly<Record<string, fc.Arbitrary<object>>> = {
  fixed_window: small.map((limit) => ({ limit, window: ages })),
  sliding_window: small.map((limit) => ({ limit, window: ages })),
  token_bucket: small.map((capacity) => ({ capacity, refill: { tokens: 1, every: ages } })),
  leaky_bucket: fc.constant({ queue: 0, rate: { requests: 1, every: ages } }),
}

const values = ['1', '2', 'ä', '']
const headers = ['x-a', 'x-b']

const keyPart = fc.constantFrom<object[]>(
  ...[{ header: 'x-a' }, { header: 'x-b' }, { query: 'q' }, { cookie: 's' }, { constant: 'c' }],
  ...[{ client_ip: true }, { path: true }, { method: true }, { route: true }],
)

const matched = fc.constantFrom<object[]>(
  ...[{ header: { 'x-a': '1' } }, { header: { 'x-a': { prefix: '2' } } }, { query: { q: 'a b' } }],
  ...[{ cookie: { s: '1' } }, { method: 'POST' }, { path: { prefix: '/r1/' } }, { route: 'r0' }],
  ...[{ client_ip: '127.0.0.2' }, { client_ip: { cidr: '127.0.0.0/8' } }],
)

/** A policy of any sort. `share` is what `percent` may be. */
function policySpec(share: readonly number[]) {
  return fc.constantFrom(...Object.keys(numbers)).chain((algorithm) => {
    const own = numbers[algorithm]!
    const override = fc.tuple(matched, own).map(([match, other]) => ({ match, ...other }))
    return fc
      .record({
        numbers: own,
        key: fc.uniqueArray(keyPart, { minLength: 1, maxLength: 3, selector: JSON.stringify }),
        onMissing: fc.constantFrom('shared', 'skip', 'deny'),
        cost: fc.constantFrom<unknown[]>(1, 1, 0, { header: 'x-cost' }),
        mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'shadow'),
        percent: fc.constantFrom(...share),
        stage: fc.constantFrom('after_auth', 'after_auth', 'before_auth'),
        overrides: fc.uniqueArray(override, { maxLength: 2, selector: ({ match }) => JSON.stringify(match) }),
        response: fc.constantFrom({}, {}, { status: 503 }, { status: 418, body: 'no {limit}' }),
      })
      .map(({ numbers: chosen, ...rest }) => ({ algorithm, ...chosen, ...rest }))
  })
}

function request(routes: number): fc.Arbitrary<LimitedRequest> {
  const line = (names: string[], of: string[]) => fc.tuple(fc.constantFrom(...names), fc.constantFrom(...of))
  const query = fc.constantFrom('', '', '?q=1', '?q=a+b', '?x=1&q=a%20b&q=2', '?q')
  const below = fc.constantFrom('', '/', '/a', '//a', '/b/../a', '/%61')
  return fc.record({
    method: fc.constantFrom('GET', 'POST'),
    path: fc
      .tuple(fc.nat({ max: routes }), below, query)
      .map(([index, rest, asked]) => `/r${index}${rest}${asked}`),
    headers: fc
      .tuple(
        fc.array(line(headers, values), { maxLength: 3 }),
        fc.array(line(['cookie'], ['s=1', 's=2; t=1', 't=2', 't=2,s=2', 's=1,t=1']), { maxLength: 2 }),
        fc.array(line(['x-cost'], ['1', '2', '0', '-1', 'x', '99999999999']), { maxLength: 1 }),
      )
      .map((lists) => lists.flat()),
    clientIp: fc.constantFrom('127.0.0.1', '127.0.0.2'),
  })
}

/** Policies of every sort, routes that name some of them, and requests that meet the routes, or none. */
export function arbitraryLimits(options: {
  prefix: string
  share: readonly number[]
  count: number
}): fc.Arbitrary<LimitSet> {
  const { prefix, share, count } = options
  const routeCount = 5
  return fc.array(policySpec(share), { minLength: 8, maxLength: 8 }).chain((specs) => {
    const policies = specs.map((spec, index) => ({ name: `${prefix}-${index}`, spec }))
    const isLeaky = (name: string) =>
      policies.find((each) => each.name === name)!.spec.algorithm === 'leaky_bucket'
    const some = (names: string[], most: number) => fc.shuffledSubarray(names, { maxLength: most })
    const names = policies.map(({ name }) => name)
    return some(
      names.filter((name) => !isLeaky(name)),
      1,
    ).chain((everywhere) =>
      fc.record({
        policies: fc.constant(policies),
        everywhere: fc.constant(everywhere),
        routes: fc.tuple(
          ...Array.from({ length: routeCount }, (_, index) =>
            some(names, 4).map((list) => {
              const leaky = list.find(isLeaky)
              const rateLimits = list.filter((name) => name === leaky || !isLeaky(name))
              return { path: `/r${index}`, rateLimits }
            }),
          ),
        ),
        requests: fc.array(request(routeCount), { minLength: count, maxLength: count }),
      }),
    )
  })
}
