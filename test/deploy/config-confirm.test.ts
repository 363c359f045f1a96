import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { kinds } from '../../src/policies/index.ts'
import { applyConfig } from '../../src/startup/apply-config.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

let database: FreshDatabase
let pool: ReturnType<typeof createPool>
let store: Store
let folder: string

before(async () => {
  database = await freshDatabase()
  pool = createPool(database.url, () => undefined)
  store = createStore({ pool, kinds, secrets: testSecrets(), observe: () => undefined })
  folder = mkdtempSync(join(tmpdir(), 'weir-config-'))
})

after(async () => {
  rmSync(folder, { recursive: true })
  await pool.end()
  await database.drop()
})

/** What a start with this many endpoints in its file says. */
function start(endpoints: number, confirm?: string): Promise<string> {
  const path = join(folder, 'weir.yaml')
  const listed = Array.from({ length: endpoints }, (_, at) => `{ address: 10.0.0.1, port: ${at + 1} }`)
  const text = `
kind: Gateway
name: edge
spec: { listeners: [{ name: http, port: 10000, protocol: http }] }
---
kind: Cluster
name: shop
spec: { endpoints: [${listed.join(', ')}] }
---
kind: Route
name: all
spec: { gateways: [edge], match: { path: { prefix: / } }, forward: [{ cluster: shop }] }
`
  writeFileSync(path, text)
  const context = { supervised: false, listenerAddress: '127.0.0.1' }
  return applyConfig({ path, store, kinds, context, confirm })
}

test('a file that takes more than half away stops the start with the token, by which the next one goes on', async () => {
  assert.equal(await start(40), '3 objects in revision 1')
  const refusal = await start(3).then(
    () => assert.fail('it was applied'),
    (error: Error) => error.message,
  )
  const [, path, token] =
    /^WEIR_CONFIG \((.+)\) takes more than half away: Gateway\/edge would have 3 of its 40 endpoints\. If that is meant, start with WEIR_CONFIRM=([0-9a-f]{16}); else mend the file, or start without it by WEIR_CONFIG= \(empty\)\.$/.exec(
      refusal,
    ) ?? []
  assert.equal(path, join(folder, 'weir.yaml'), refusal)
  await assert.rejects(
    start(4, token),
    /WEIR_CONFIRM is for another file, or .* since\. If that .* WEIR_CONFIRM=/,
  )
  assert.equal((await store.current()).revision, 1)
  assert.equal(await start(3, token), '1 objects in revision 2')
  // It may stay set: it is for that write alone.
  assert.equal(await start(3, token), 'unchanged at revision 2')
})
