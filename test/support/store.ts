import type pg from 'pg'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { freshDatabase } from './postgres.ts'
import { testSecrets } from './secrets.ts'

export interface TestStore {
  readonly databaseUrl: string
  readonly pool: pg.Pool
  readonly store: Store
  close(): Promise<void>
}

/** A store with a database of its own, which tells nobody of what happens. */
export async function startTestStore(): Promise<TestStore> {
  const database = await freshDatabase()
  const pool = createPool(database.url, () => {})
  const store = createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
  return {
    ...{ databaseUrl: database.url, pool, store },
    async close() {
      await pool.end()
      await database.drop()
    },
  }
}
