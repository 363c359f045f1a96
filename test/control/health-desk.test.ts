import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHealthDesk, type HealthDesk } from '../../src/control/health/desk.ts'
import { HeardHealth } from '../../src/control/health/heard.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { WeirError } from '../../src/errors.ts'
import type { HealthAnswer, HealthAnswers } from '../../src/model/health-answers.ts'
import type { ClusterStats } from '../../src/xds/cluster-stats.ts'
import type { FleetItem } from '../../src/xds/fleet-item.ts'

const edge = { gateway: 'edge', id: 'edge-1' }
const endpoint = (address: string, health_status?: string) => {
  return { endpoint: { address: { socket_address: { address, port_value: 80 } } }, health_status }
}
const resources = new Map<string, Map<string, object>>([
  [typeUrls.cluster, new Map([['shop', { common_lb_config: { healthy_panic_threshold: { value: 60 } } }]])],
  [
    typeUrls.endpoints,
    new Map([
      ['shop', { endpoints: [{ lb_endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2', 'DRAINING')] }] }],
    ]),
  ],
])
const controller = { gateways: () => ['edge'], made: () => ({ compiled: { resources } }) as never }

/** Replicas over one table in memory; one of them may be deaf, and the table away. */
function setUp({ deaf = '', isAway = false, hangs = false } = {}) {
  const desks = new Map<string, HealthDesk>()
  const answers = new Map<string, HealthAnswer[]>()
  const away = () => new WeirError('unavailable', 'the database is away')
  const table: HealthAnswers = {
    async ask(question) {
      if (isAway) throw away()
      if (hangs) await new Promise(() => {})
      const others = [...desks.keys()].filter((name) => name !== question.from)
      for (const name of others) if (name !== deaf) desks.get(name)!.asked(JSON.stringify(question))
      return others
    },
    async tell(question, answer) {
      // Nothing but JSON goes through the table.
      const told = JSON.parse(JSON.stringify(answer)) as HealthAnswer
      answers.set(question, [...(answers.get(question) ?? []), told])
      for (const desk of desks.values()) desk.told(question)
    },
    async read(question) {
      const read = answers.get(question) ?? []
      answers.delete(question)
      return read
    },
  }
  const clock = { now: 100_000 }
  const items = new Map<string, FleetItem>()
  function join(id: string): void {
    const since = new Date(0).toISOString()
    const rest = {
      labels: {},
      version: '',
      addresses: [],
      peer: '',
      connectedAt: since,
      types: {},
      lastNack: null,
    }
    items.set(id, { gateway: 'edge', id, state: 'connected', ...rest })
  }
  function replica(name: string, hosts?: ReadonlyMap<string, string>) {
    const heard = new HeardHealth()
    const desk = createHealthDesk({
      ...{ name, heard, controller, table, fleet: () => [...items.values()] },
      ...{
        hosts: async () => hosts,
        now: () => clock.now,
        observe: (event) => assert.fail(JSON.stringify(event)),
      },
    })
    desks.set(name, desk)
    return { heard, desk }
  }
  return { replica, clock, join }
}

function said(gauges: ClusterStats['gauges'], more: Partial<ClusterStats> = {}): Map<string, ClusterStats> {
  return new Map([
    ['shop', { gauges: { membership_total: 2, ...gauges }, counts: {}, endpoints: new Map(), ...more }],
  ])
}

describe('how a cluster is, by what several replicas heard', () => {
  test('the newest word counts, and what each counted adds up', async () => {
    const { replica, clock, join } = setUp()
    join('edge-1')
    const [a, b] = [replica('a'), replica('b')]
    const counts = { 'health_check.failure': 2 }
    a.heard.hear(edge, said({ membership_healthy: 0, membership_excluded: 1 }, { counts }), clock.now)
    clock.now += 2_000
    b.heard.hear(edge, said({ membership_healthy: 1, membership_excluded: 1 }, { counts }), clock.now)
    const views = await Promise.all([a, b].map(({ desk }) => desk.cluster('shop')))
    for (const { state, why, envoys } of views) {
      assert.deepEqual([state, why, envoys.length], ['healthy', undefined, 1])
      const { hosts, panic, figures } = envoys[0]!
      // One of the two drains: what Envoy counts as excluded.
      assert.deepEqual([hosts!.healthy, hosts!.excluded, hosts!.draining, panic], [1, 0, 1, false])
      assert.equal(figures!.healthChecks.failures, 4)
    }
    assert.deepEqual((await a.desk.ailments()).ailments, [], 'the later word is that nothing is amiss')
  })

  test('one that is silent or never spoke is said to be so, and is not well', async () => {
    const { replica, clock, join } = setUp()
    join('edge-1')
    join('edge-2')
    const { heard, desk } = replica('a')
    heard.hear(edge, said({ membership_healthy: 2 }), clock.now)
    clock.now += 7_001
    const { state, why, envoys } = await desk.cluster('shop')
    assert.deepEqual(
      [state, envoys.map((each) => [each.id, each.state])],
      [
        'unknown',
        [
          ['edge-1', 'silent'],
          ['edge-2', 'untold'],
        ],
      ],
    )
    assert.match(why!, /none of the Envoys that have it tells anything of it now/)
    const { silent } = await desk.ailments()
    assert.deepEqual(
      silent.map(({ id }) => id),
      ['edge-1', 'edge-2'],
    )
  })

  test('what an Envoy says when it is asked is more exact than what it streams', async () => {
    const { replica, clock, join } = setUp()
    join('edge-1')
    const a = replica('a')
    const hosts = new Map([
      ['10.0.0.1:80', 'failed_and_ejected'],
      ['10.0.0.2:80', 'draining'],
    ])
    const b = replica('b', hosts)
    b.heard.hear(edge, said({ membership_healthy: 1, 'health_check.healthy': 2 }), clock.now)
    const { state, envoys } = await a.desk.cluster('shop')
    const { by, endpoints, hosts: counted, panic } = envoys[0]!
    assert.deepEqual([state, by, panic], ['panic', 'admin', true])
    assert.deepEqual(
      endpoints,
      [...hosts].map(([address, state]) => ({ address, state })),
    )
    assert.deepEqual([counted!.failedHealthCheck, counted!.ejected, counted!.draining], [1, 1, 1])
  })

  test('a replica that does not answer is named, and without the database one tells what it heard', async () => {
    const deaf = setUp({ deaf: 'b' })
    const a = deaf.replica('a')
    deaf.replica('b')
    deaf.join('edge-1')
    a.heard.hear(edge, said({ membership_healthy: 1 }), deaf.clock.now)
    const one = await a.desk.cluster('shop')
    assert.deepEqual([one.envoys[0]!.state, one.why], ['told', 'not answered in time: b'])

    for (const away of [setUp({ isAway: true }), setUp({ hangs: true })]) {
      const alone = away.replica('a')
      away.join('edge-1')
      alone.heard.hear(edge, said({ membership_healthy: 1 }), away.clock.now)
      const two = await alone.desk.cluster('shop')
      assert.equal(two.envoys[0]!.state, 'told')
      assert.match(two.why!, /database is away/)
    }
  })
})
