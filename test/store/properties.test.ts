import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Document } from '../../src/model/document.ts'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import type { State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { freshDatabase } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

const context = { supervised: false, listenerAddress: '127.0.0.1' }
const names = ['a', 'b', 'c', 'd', 'e', 'f']

const document = fc.record({
  name: fc.constantFrom(...names),
  owner: fc.constantFrom('', 'x', 'y'),
  labels: fc.dictionary(fc.constantFrom('k', 'l', 'constructor'), fc.constantFrom('', '1', 'é☀')),
  ports: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
})

const edit = fc.oneof(
  { weight: 3, arbitrary: document.map((fields) => ({ op: 'put' as const, fields })) },
  { weight: 1, arbitrary: fc.constantFrom(...names).map((name) => ({ op: 'delete' as const, name })) },
)

type Wish = typeof edit extends fc.Arbitrary<infer Value> ? Value : never

/** Each write in a list, and whether another replica makes it. */
const writes = fc.array(
  fc.record({
    edits: fc.uniqueArray(edit, { selector: nameOf, minLength: 1, maxLength: 4 }),
    other: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
)

function nameOf(wish: Wish): string {
  return wish.op === 'put' ? wish.fields.name : wish.name
}

function editOf(wish: Wish, number: number): Edit {
  if (wish.op === 'delete') return { op: 'delete', kind: 'Cluster', name: wish.name, document: number }
  const { name, owner, labels, ports } = wish.fields
  const endpoints = ports.map((port) => ({ address: '127.0.0.1', port }))
  return {
    op: 'put',
    document: number,
    object: { kind: 'Cluster', name, owner, labels: { ...labels }, spec: { endpoints } },
  }
}

/** The plain model: what each name holds, and since which revision. */
type Model = Map<string, { document: Document; revision: number }>

function applied(model: Model, edits: readonly Edit[], revision: number): Model | undefined {
  const next = new Map(model)
  let changed = false
  for (const each of edits) {
    if (each.op === 'delete') changed = next.delete(each.name) || changed
    else if (text(next.get(each.object.name)?.document) !== text(each.object)) {
      next.set(each.object.name, { document: each.object, revision })
      changed = true
    }
  }
  return changed ? next : undefined
}

/** With sorted keys, since the order of keys says nothing. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort())
      : item,
  )
}

function assertSame(state: State, model: Model, revision: number): void {
  assert.equal(state.revision, revision)
  const stored = [...(state.objects.get('Cluster') ?? [])].sort()
  assert.equal(text(stored.map(([name, object]) => [name, object])), text([...model].sort()))
}

test('after any writes of two replicas the state, and every state of the past, is that of a plain model', async () => {
  await fc.assert(
    fc.asyncProperty(writes, async (sequence) => {
      const database = await freshDatabase()
      const pool = createPool(database.url, () => {})
      const one = createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
      const other = createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
      try {
        await check(one, other, sequence)
      } finally {
        await pool.end()
        await database.drop()
      }
    }),
    { numRuns: 25 },
  )
})

async function check(
  one: Store,
  other: Store,
  sequence: readonly { edits: Wish[]; other: boolean }[],
): Promise<void> {
  const history: Model[] = [new Map()]
  for (const write of sequence) {
    const edits = write.edits.map(editOf)
    const expected = applied(history.at(-1)!, edits, history.length)
    const store = write.other ? other : one
    const result = await store.write({
      author: 'a',
      message: 'm',
      edits: () => edits,
      plan: (state, split) => planWrite(kinds, state, split, context),
    })
    if (expected !== undefined) history.push(expected)
    assertSame(result.after, history.at(-1)!, history.length - 1)
  }
  for (const store of [one, other]) assertSame(await store.current(), history.at(-1)!, history.length - 1)
  for (const [revision, model] of history.entries()) assertSame(await one.at(revision), model, revision)
  const { items } = await one.revisions({ limit: 1_000 })
  assert.deepEqual(
    items.map(({ id }) => id),
    history
      .map((_, revision) => revision)
      .slice(1)
      .reverse(),
  )
}
