import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { find } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { freshDatabase } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

const context = { supervised: false, listenerAddress: '127.0.0.1' }
const writers = 50
const turns = 4

test('50 writers at once over two replicas: each write is one revision, none is lost, none interleaved', async () => {
  const database = await freshDatabase()
  const pools = [createPool(database.url, () => {}), createPool(database.url, () => {})]
  const secrets = testSecrets()
  const stores = pools.map((pool) => createStore({ pool, kinds, secrets, observe: () => {} }))
  try {
    const results = await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        const revisions: number[] = []
        for (let turn = 0; turn < turns; turn++) {
          const store = stores[(writer + turn) % 2]!
          revisions.push(await increment(store, writer))
        }
        return revisions
      }),
    )
    const revisions = results.flat().sort((a, b) => a - b)
    assert.deepEqual(
      revisions,
      Array.from({ length: writers * turns }, (_, index) => index + 1),
    )
    for (const store of stores) {
      const state = await store.current()
      const shared = find(state, 'Cluster', 'shared')
      // Every one added one to what it saw: a lost or interleaved write would leave less, or two halves that differ.
      assert.equal(shared?.document.labels.count, String(writers * turns))
      assert.equal(find(state, 'Cluster', 'mirror')?.document.labels.count, String(writers * turns))
    }
    for (const revision of [1, 37, 100, 199]) {
      const state = await stores[0]!.at(revision)
      assert.equal(find(state, 'Cluster', 'shared')?.document.labels.count, String(revision))
      assert.equal(find(state, 'Cluster', 'mirror')?.document.labels.count, String(revision))
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.end()))
    await database.drop()
  }
})

/** Reads a count in the write's transaction and writes the next one to two objects. */
async function increment(store: Store, writer: number): Promise<number> {
  const { revision } = await store.write({
    author: `writer-${writer}`,
    message: '',
    edits(state) {
      const count = Number(find(state, 'Cluster', 'shared')?.document.labels.count ?? 0) + 1
      return ['shared', 'mirror'].map(
        (name, document): Edit => ({
          op: 'put',
          document,
          object: {
            kind: 'Cluster',
            name,
            labels: { count: String(count) },
            owner: '',
            spec: { endpoints: [] },
          },
        }),
      )
    },
    plan: (state, edits) => planWrite(kinds, state, edits, context),
  })
  return revision
}
