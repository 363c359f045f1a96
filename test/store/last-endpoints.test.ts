import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type pg from 'pg'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { kinds } from '../../src/policies/index.ts'
import type { Store } from '../../src/store/store.ts'
import { startTestStore, type TestStore } from '../support/store.ts'

/** A form that the cluster had in turn: so many endpoints, none of its own, or not there. */
type Form = number | 'names a gateway' | 'deleted' | { endpoints: number; owner: string }

const gateway = { listeners: [{ name: 'http', port: 1, protocol: 'http' }] }

function editOf(name: string, form: Form): Edit {
  if (form === 'deleted') return { op: 'delete', kind: 'Cluster', name, document: 0 }
  const { endpoints: size, owner } = typeof form === 'object' ? form : { endpoints: form, owner: '' }
  const endpoints = Array.from({ length: Number(size) }, (_, at) => ({ address: '10.0.0.1', port: at + 1 }))
  const spec = form === 'names a gateway' ? { gateway: { name: 'inner', listener: 'http' } } : { endpoints }
  return { op: 'put', document: 0, object: { kind: 'Cluster', name, labels: {}, owner, spec } }
}

describe('the last endpoints of a cluster', () => {
  let started: TestStore
  let pool: pg.Pool
  let store: Store
  const write = (...edits: Edit[]) =>
    store.write({
      ...{ author: 'a', message: 'm', edits: () => edits },
      plan: (state, split) =>
        planWrite(kinds, state, split, { supervised: false, listenerAddress: '127.0.0.1' }),
    })
  before(async () => {
    started = await startTestStore()
    ;({ pool, store } = started)
    await write({
      op: 'put',
      document: 0,
      object: { kind: 'Gateway', name: 'inner', labels: {}, owner: '', spec: gateway },
    })
  })
  after(() => started?.close())

  const cases: [string, Form[], number | undefined][] = [
    ['are those before the list became empty', [3, 0], 3],
    ['are the newest of several', [3, 2, 0], 2],
    [
      'stay those while other fields change',
      [3, 0, { endpoints: 0, owner: 'x' }, { endpoints: 0, owner: 'y' }],
      3,
    ],
    ['are not known of a list that was always empty', [0, { endpoints: 0, owner: 'x' }], undefined],
    ['are none of an object that was deleted meanwhile', [3, 'deleted', 0], undefined],
    ['are none of one that was deleted while it was empty', [3, 0, 'deleted', 0], undefined],
    ['are none of one that named a gateway in between', [3, 'names a gateway', 0], undefined],
    ['are those of the list that came after that', [3, 'names a gateway', 4, 0], 4],
  ]
  for (const [index, [title, forms, expected]] of cases.entries()) {
    test(title, async () => {
      const name = `c${index}`
      for (const form of forms) await write(editOf(name, form))
      const found = await store.lastEndpoints([name, 'nobody'])
      const sizes = found.map(({ name, spec }) => [name, (spec.endpoints as unknown[]).length])
      assert.deepEqual(sizes, expected === undefined ? [] : [[name, expected]])
      for (const { emptyForMs } of found) assert.ok(emptyForMs >= 0, `empty for ${emptyForMs} ms`)
    })
  }

  test('are empty for as long as the first empty form has been there', async () => {
    await write(editOf('aged', 1))
    const { revision } = await write(editOf('aged', 0))
    await pool.query(`update revisions set at = clock_timestamp() - interval '1 hour' where id = $1`, [
      revision,
    ])
    await write(editOf('aged', { endpoints: 0, owner: 'x' }))
    const [found] = await store.lastEndpoints(['aged'])
    assert.ok(Math.abs(found!.emptyForMs - 3_600_000) < 60_000, `empty for ${found!.emptyForMs} ms`)
  })
})
