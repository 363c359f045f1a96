import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stageOf } from '../../src/control/staging.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import type { RolloutRecord, RolloutState } from '../../src/model/rollout-record.ts'
import { resourcesOf, type Snapshot } from '../../src/xds/snapshot.ts'
import { edsCluster, endpoints, routes, snapshotOf, toCluster } from '../xds/resources.ts'

const record = (state: RolloutState): RolloutRecord => ({
  ...{ gateway: 'edge', version: 3, epoch: 2, state, base: 5, candidate: state === 'done' ? 5 : 6, wave: 0 },
  ...{ reach: { nodes: [{ track: 'canary' }], share: 0 }, settlingAt: null, reason: '' },
  ...{ startedAt: new Date(), waveAt: new Date(), changedAt: new Date() },
})

interface Content {
  route?: string
  port?: number
  connectMs?: number
}

const at = (revision: number, { route = '/', port = 80, connectMs = 1_000 }: Content = {}): Snapshot =>
  snapshotOf('edge', revision, {
    cluster: [edsCluster('a', connectMs)],
    endpoints: [endpoints('a', port)],
    route: [routes('r', toCluster(route, 'a'))],
  })

function stage(state: RolloutState, base: Snapshot, candidate: Snapshot, newest: Snapshot) {
  const made = stageOf(record(state), { base, candidate, newest })
  const told = (snapshot: Snapshot | undefined, from: Snapshot[]) => {
    if (snapshot === undefined) return undefined
    const version = resourcesOf(snapshot, typeUrls.route).get('r')?.version
    const same = from.find((each) => resourcesOf(each, typeUrls.route).get('r')?.version === version)
    return `${snapshot.revision}, the routes of ${same?.revision}`
  }
  const all = [base, candidate, newest]
  return {
    newestIs: made.newestIs,
    reached: told(made.snapshot, all),
    others: told(made.base?.snapshot, all),
    ports: [made.snapshot, made.base?.snapshot].map((each) => each && portOf(each)),
    news: [...made.news.keys()],
  }
}

/** Of the endpoints, as they are encoded. */
function portOf(snapshot: Snapshot): number | undefined {
  const encoded = resourcesOf(snapshot, typeUrls.endpoints).get('a')!.version
  return [80, 81].find(
    (port) => resourcesOf(at(0, { port }), typeUrls.endpoints).get('a')!.version === encoded,
  )
}

describe('which revision of a gateway goes to whom', () => {
  test('all have the newest where Envoys cannot tell it from what they have', () => {
    const told = stage('done', at(5), at(5), at(7))
    assert.deepEqual([told.newestIs, told.reached, told.others], ['base', '7, the routes of 5', undefined])
  })

  test('a newer one goes to nobody until the record says so', () => {
    const told = stage('done', at(5), at(5), at(7, { route: '/new' }))
    assert.deepEqual([told.newestIs, told.reached, told.others], ['other', '5, the routes of 5', undefined])
  })

  test('in a wave those that are reached have the candidate, the others the base', () => {
    const candidate = at(6, { route: '/new' })
    for (const state of ['running', 'halted'] as const) {
      const told = stage(state, at(5), candidate, candidate)
      assert.deepEqual([told.reached, told.others], ['6, the routes of 6', '5, the routes of 5'])
      assert.deepEqual(told.news, [typeUrls.route])
    }
  })

  test('a write that Envoys cannot tell from the candidate is the newest for those that have that', () => {
    const told = stage('running', at(5), at(6, { route: '/new' }), at(7, { route: '/new' }))
    assert.deepEqual([told.newestIs, told.reached], ['candidate', '7, the routes of 6'])
    assert.equal(told.others, '5, the routes of 5')
  })

  test('reverted, all have the base', () => {
    const candidate = at(6, { route: '/new' })
    for (const state of ['reverting', 'reverted'] as const) {
      const told = stage(state, at(5), candidate, candidate)
      assert.deepEqual([told.reached, told.others], ['5, the routes of 5', undefined])
    }
  })

  test('endpoints are not held back, but for those of a cluster that is another one', () => {
    const candidate = at(6, { route: '/new' })
    const moved = at(7, { route: '/new', port: 81 })
    assert.deepEqual(stage('running', at(5), candidate, moved).ports, [81, 81])
    assert.deepEqual(stage('done', at(5), at(5), at(7, { port: 81 })).newestIs, 'base')
    const another = at(6, { connectMs: 2_000, port: 81 })
    assert.deepEqual(stage('running', at(5), another, another).ports, [81, 80])
  })
})
