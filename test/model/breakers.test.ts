import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { planWrite } from '../../src/model/plan-write.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { emptyState, type State } from '../../src/model/state.ts'
import { warningsOf } from '../../src/model/warnings.ts'
import { kinds } from '../../src/policies/index.ts'

const context = { supervised: true, listenerAddress: '127.0.0.1' }
const gateway = {
  ...{ kind: 'Gateway', name: 'edge' },
  spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] },
}
const policy = (name: string, more: object = {}) => ({
  ...{ kind: 'OutlierDetectionPolicy', name },
  spec: { breaker: { errorRate: 50, window: 10, open: '30s', ...more } },
})
const to = (cluster: string) => ({ fallback: { cluster } })
const cluster = (name: string, outlierDetection: string) => ({
  ...{ kind: 'Cluster', name },
  spec: { endpoints: [], outlierDetection },
})
const route = (name: string, clusters: string[], more: object = {}) => ({
  ...{ kind: 'Route', name },
  spec: {
    ...{ gateways: ['edge'], match: { path: { prefix: `/${name}` } } },
    ...{ forward: clusters.map((each) => ({ cluster: each })), ...more },
  },
})

function edit(value: object, document: number) {
  const read = readDocument(kinds, value)
  assert.ok(read.document !== undefined, JSON.stringify(read))
  return { op: 'put' as const, object: read.document, document }
}

function write(documents: object[], state: State = emptyState) {
  return planWrite(kinds, state, documents.map(edit), context)
}

const problems = (documents: object[], state?: State) =>
  write(documents, state).problems.map(({ document, pointer, message }) => [document, pointer, message])

function warnings(documents: object[], before: object[] = []) {
  const { next, problems } = write(documents, write(before).next)
  assert.deepEqual(problems, [])
  const written = documents.map((each) => edit(each, 0).object)
  return warningsOf(kinds, written, next)
    .filter(({ pointer }) => pointer !== '/name')
    .map(({ kind, name, pointer, message }) => `${kind}/${name}${pointer}: ${message}`)
}

describe('where requests go while a breaker is open', () => {
  const field = '/spec/breaker/fallback/cluster'

  test('a cluster that is not there, or is taken away, is refused', () => {
    const missing = problems([policy('p', to('b')), cluster('a', 'p')])
    assert.deepEqual(missing, [[0, field, 'there is no Cluster/b']])
    const { next } = write([policy('p', to('b')), cluster('a', 'p'), cluster('b', 'none')])
    const plan = planWrite(kinds, next, [{ op: 'delete', kind: 'Cluster', name: 'b', document: 0 }], context)
    assert.deepEqual(
      [plan.referenced, plan.problems[0]!.message],
      [true, `Cluster/b is still named by OutlierDetectionPolicy/p at ${field}`],
    )
  })

  test('a cluster that falls back to itself is refused, by its own name or by default', () => {
    assert.deepEqual(problems([policy('p', to('a')), cluster('a', 'p')]), [
      [0, field, 'requests to a would fall back to itself'],
      [1, '/spec/outlierDetection', 'requests to a would fall back to itself'],
    ])
    const { next } = write([{ kind: 'Cluster', name: 'a', spec: { endpoints: [] } }])
    assert.deepEqual(problems([policy('default', to('a'))], next), [
      [0, field, 'requests to a would fall back to itself'],
    ])
  })

  test('clusters that fall back to each other are refused, whichever of them closes the loop', () => {
    const { next } = write([
      ...[policy('p', to('b')), policy('q', to('c')), policy('r')],
      ...[cluster('a', 'p'), cluster('b', 'q'), cluster('c', 'r')],
    ])
    assert.deepEqual(problems([policy('r', to('a'))], next), [
      [0, field, 'requests to c would fall back to a, and those to b, and those to c'],
    ])
    const { next: open } = write([policy('s', to('a'))], next)
    assert.deepEqual(problems([cluster('c', 's')], open)[0]![1], '/spec/outlierDetection')
  })
})

describe('what a writer is told of strict breakers', () => {
  const retry = { retry: { attempts: 2, on: ['5xx'] } }
  const strict = [gateway, policy('p'), cluster('a', 'p'), cluster('b', 'none')]

  test('retries, and no timeout: on the route', () => {
    assert.deepEqual(warnings([route('r', ['b', 'a'], { ...retry, timeout: '0s' })], strict), [
      'Route/r/spec/retry: the route tries up to 3 times, and cluster a has a strict breaker',
      'Route/r/spec/timeout: the route has no timeout, and cluster a has a strict breaker',
    ])
    assert.deepEqual(warnings([route('r', ['a']), route('s', ['b'], retry)], strict), [])
  })

  test('the same on the policy and on the cluster, once for all routes', () => {
    const routes = [route('r', ['a'], retry), route('s', ['a'], retry)]
    const before = [...strict, ...routes]
    assert.deepEqual(warnings([policy('p', { window: 20 })], before), [
      'OutlierDetectionPolicy/p/spec/breaker: the route tries up to 3 times: Route/r (and 1 more)',
    ])
    assert.deepEqual(warnings([cluster('a', 'p')], before), [
      'Cluster/a/spec/outlierDetection: the route tries up to 3 times: Route/r (and 1 more)',
    ])
  })

  test('a fallback that has a strict breaker itself', () => {
    assert.deepEqual(warnings([policy('q', to('a'))], strict), [
      'OutlierDetectionPolicy/q/spec/breaker/fallback/cluster: cluster a has a strict breaker itself',
    ])
  })
})
