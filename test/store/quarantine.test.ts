import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type pg from 'pg'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { formOf, type Refusal, withSubstitutes } from '../../src/model/quarantine.ts'
import { find, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { createQuarantineTable, type QuarantineTable } from '../../src/store/quarantine.ts'
import type { Store } from '../../src/store/store.ts'
import { startTestStore, type TestStore } from '../support/store.ts'

const context = { supervised: false, listenerAddress: '127.0.0.1' }

function put(kind: string, name: string, spec: Record<string, unknown>): Edit {
  return { op: 'put', document: 0, object: { kind, name, labels: {}, owner: '', spec } }
}
const cluster = (name: string, port: number) =>
  put('Cluster', name, { endpoints: [{ address: '127.0.0.1', port }] })
const remove = (kind: string, name: string): Edit => ({ op: 'delete', kind, name, document: 0 })
const gateway = put('Gateway', 'edge', { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] })
const routeSpec = (to: string) => {
  return { gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: to }] }
}
const route = (to: string) => put('Route', 'all', routeSpec(to))

function refusal(kind: string, name: string, revision: number, more: Partial<Refusal> = {}): Refusal {
  return {
    ...{ kind, name, revision, pointer: '/spec/x', error: 'no', gateway: 'edge', node: 'e1' },
    ...{ type: 'cluster', resource: name, version: 'v' },
    ...more,
  }
}

describe('the table of what is held back', () => {
  let started: TestStore
  let pool: pg.Pool
  let store: Store
  let table: QuarantineTable
  const write = async (...edits: Edit[]) => {
    const plan = (state: State, split: readonly Edit[]) => planWrite(kinds, state, split, context)
    return (await store.write({ author: 'a', message: '', edits: () => edits, plan })).revision
  }
  const portOf = (state: State, name: string) =>
    (find(state, 'Cluster', name)?.document.spec as { endpoints: { port: number }[] } | undefined)
      ?.endpoints[0]?.port
  /** The state as the Envoys get it. */
  const delivered = async () => withSubstitutes(await store.current(), (await table.read()).held)

  before(async () => {
    started = await startTestStore()
    ;({ pool, store } = started)
    table = createQuarantineTable({ pool, kinds })
    await store.unlockSecrets()
  })
  after(() => started?.close())
  beforeEach(async () => {
    const state = await store.current()
    const all = [...state.objects].flatMap(([kind, byName]) =>
      [...byName.keys()].map((name) => remove(kind, name)),
    )
    if (all.length > 0) await write(...all)
  })

  test('a refused form gives way to the one before it, and a new row to none', async () => {
    await write(cluster('old', 1))
    const revision = await write(cluster('old', 2), cluster('new', 3))
    await table.hold([refusal('Cluster', 'old', revision), refusal('Cluster', 'new', revision)])
    const state = await delivered()
    assert.equal(portOf(state, 'old'), 1)
    assert.equal(find(state, 'Cluster', 'new'), undefined)
    assert.deepEqual([...state.leftOut!], ['Cluster/new'])
  })

  test('a mended row is delivered at once, and so is one that was written before the refusal was noted', async () => {
    await write(cluster('c', 1))
    const refused = await write(cluster('c', 2))
    await write(cluster('c', 3))
    await table.hold([refusal('Cluster', 'c', refused)])
    assert.equal(portOf(await delivered(), 'c'), 3)
    assert.deepEqual((await table.read()).held, [])
  })

  test('a form that was refused before is not taken for a good one', async () => {
    await write(cluster('c', 1))
    const second = await write(cluster('c', 2))
    await table.hold([refusal('Cluster', 'c', second)])
    const third = await write(cluster('c', 3))
    await table.hold([refusal('Cluster', 'c', third)])
    assert.equal(portOf(await delivered(), 'c'), 1)
  })

  test('a good form that is refused in its turn gives way, too', async () => {
    await write(cluster('c', 1))
    const second = await write(cluster('c', 2))
    const third = await write(cluster('c', 3))
    await table.hold([refusal('Cluster', 'c', third)])
    assert.equal(portOf(await delivered(), 'c'), 2)
    await table.hold([refusal('Cluster', 'c', second)])
    assert.equal(portOf(await delivered(), 'c'), 1)
  })

  test('a row that was deleted in between starts anew', async () => {
    await write(cluster('c', 1))
    await write(remove('Cluster', 'c'))
    const revision = await write(cluster('c', 2))
    await table.hold([refusal('Cluster', 'c', revision)])
    assert.equal(find(await delivered(), 'Cluster', 'c'), undefined)
  })

  test('what a good form names is there, though it was deleted since', async () => {
    await write(gateway, cluster('a', 1), route('a'))
    const revision = await write(cluster('b', 2), route('b'))
    await table.hold([refusal('Route', 'all', revision)])
    await write(remove('Cluster', 'a'))
    const state = await delivered()
    assert.equal(portOf(state, 'a'), 1)
    assert.equal(portOf(state, 'b'), 2)
    const { forward } = find(state, 'Route', 'all')!.document.spec as { forward: object[] }
    assert.deepEqual(forward, [{ cluster: 'a' }])
  })

  test('what an Envoy has in force is not held, now or later', async () => {
    const revision = await write(cluster('c', 1))
    await table.hold([refusal('Cluster', 'c', revision)])
    await table.accept([{ kind: 'Cluster', name: 'c', revision }])
    await table.hold([refusal('Cluster', 'c', revision)])
    const { held, accepted } = await table.read()
    assert.deepEqual(held, [])
    assert.ok(accepted.has(formOf({ kind: 'Cluster', name: 'c', revision })))
  })

  test('what is released is tried again', async () => {
    const revision = await write(cluster('c', 1))
    await table.hold([refusal('Cluster', 'c', revision)])
    await table.release([{ kind: 'Cluster', name: 'c', revision }])
    assert.equal(portOf(await delivered(), 'c'), 1)
  })

  test('of a new gateway the refused listeners are left out, of another one its last form is kept', async () => {
    const listeners = [1, 2].map((port) => ({ name: `l${port}`, port: 10_000 + port, protocol: 'http' }))
    const ports = async () => {
      const { spec } = find(await delivered(), 'Gateway', 'edge')!.document
      return (spec.listeners as { port: number }[]).map(({ port }) => port)
    }
    const first = await write(put('Gateway', 'edge', { listeners }))
    const of = (listener: string) => ({ type: 'listener', resource: `edge/${listener}@127.0.0.1:1` })
    await table.hold([refusal('Gateway', 'edge', first, of('l2'))])
    assert.deepEqual(await ports(), [10_001])
    await table.hold([refusal('Gateway', 'edge', first, of('l1'))])
    assert.deepEqual(await ports(), [])
    await write(gateway)
    const third = await write(put('Gateway', 'edge', { listeners }))
    await table.hold([refusal('Gateway', 'edge', third, of('l1'))])
    assert.deepEqual(await ports(), [10_000])
  })

  test('the history is kept that a good form is part of, and entries of what is gone from it are not', async () => {
    const good = await write(gateway, cluster('a', 1), route('a'))
    const revision = await write(cluster('b', 2), route('b'))
    await table.hold([refusal('Route', 'all', revision)])
    for (const port of [3, 4, 5]) await write(cluster('other', port))
    await write(remove('Cluster', 'a'))
    const kept = await store.compact({ revisions: 1, ageMs: 0 })
    assert.equal(kept!.oldest, good)
    assert.equal(portOf(await delivered(), 'a'), 1)
    const mended = await write(route('b'), put('Route', 'more', routeSpec('b')))
    await write(remove('Route', 'all'), remove('Route', 'more'))
    const all = await store.compact({ revisions: 1, ageMs: 0 })
    assert.ok(all!.oldest > mended)
    const { rows } = await pool.query('select count(*)::int as count from quarantine where kind = $1', [
      'Route',
    ])
    assert.equal(rows[0].count, 0)
  })
})
