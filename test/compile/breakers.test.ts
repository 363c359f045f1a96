import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breakersOf, breakersOver } from '../../src/compile/breakers.ts'
import type { State } from '../../src/model/state.ts'
import { stateOf } from '../support/state-of.ts'

const policy = (name: string, spec: object) => ({ kind: 'OutlierDetectionPolicy', name, spec })
const cluster = (name: string, outlierDetection?: string) => ({
  ...{ kind: 'Cluster', name },
  spec: {
    endpoints: [{ address: '127.0.0.1', port: 9001 }],
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
  },
})
const strict = { errorRate: 50, window: 10, open: '30s' }
const at = (revision: number, ...documents: object[]): State => ({ ...stateOf(documents)!, revision })

test('a cluster has the breaker of its policy, with defaults filled in', () => {
  const state = at(
    1,
    policy('strict', { breaker: strict }),
    policy('all', {
      breaker: { ...strict, open: '2s', probes: 3, slowerThan: '1500ms', fallback: { cluster: 'plain' } },
    }),
    policy('hosts', { preset: 'hosts' }),
    ...[cluster('a', 'strict'), cluster('b', 'all'), cluster('c', 'hosts'), cluster('plain')],
    cluster('off', 'none'),
  )
  assert.deepEqual(Object.fromEntries(breakersOf(state)), {
    a: {
      ...{ cluster: 'a', policy: 'strict', errorRate: 50, window: 10, open: 30_000_000, probes: 1 },
      fallback: false,
    },
    b: {
      ...{
        cluster: 'b',
        policy: 'all',
        errorRate: 50,
        window: 10,
        open: 2_000_000,
        probes: 3,
        slowerThan: 1_500,
      },
      fallback: true,
    },
  })
})

test('a breaker in the policy named default is that of every cluster that names none', () => {
  const state = at(1, policy('default', { breaker: strict }), cluster('a'), cluster('off', 'none'))
  assert.deepEqual([...breakersOf(state).keys()], ['a'])
})

test('while Envoys are held at another state its breakers are there, and the numbers of the newest count', () => {
  const newest = at(3, policy('strict', { breaker: { ...strict, window: 20 } }), cluster('kept', 'strict'))
  const held = at(
    1,
    policy('strict', { breaker: strict }),
    ...[cluster('kept', 'strict'), cluster('gone', 'strict')],
  )
  const windows = [...breakersOver(newest, [held, newest])].map(([name, { window }]) => [name, window])
  assert.deepEqual(Object.fromEntries(windows), { gone: 10, kept: 20 })
  assert.deepEqual(breakersOver(newest, []), breakersOf(newest))
})

test('an edit elsewhere leaves the very same rule', () => {
  const documents = [policy('strict', { breaker: strict }), cluster('a', 'strict')]
  const state = at(1, ...documents)
  assert.equal(breakersOf(state).get('a'), breakersOf({ ...state, revision: 2 }).get('a'))
})
