import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Document } from '../../src/model/document.ts'
import type { State } from '../../src/model/state.ts'
import { type Answer, startAdmin, type TestAdmin } from '../support/admin.ts'
import { expected, idOf, type Objects, type Op, text } from '../support/plain-model.ts'
import { testSecrets } from '../support/secrets.ts'

/** WEIR_LONG=1 makes the long run; WEIR_SEED repeats one. */
const long = process.env.WEIR_LONG === '1'
const steps = long ? 2_000 : 240
const seed = Number(process.env.WEIR_SEED ?? (long ? Date.now() % 2 ** 31 : 20_260_101))

const names = ['a', 'b', 'c', 'd']
const plurals: Record<string, string> = { Cluster: 'clusters', Plan: 'plans', Consumer: 'consumers' }
const labels = fc.dictionary(fc.constantFrom('k', 'l', 'constructor'), fc.constantFrom('', '1', 'é☀'), {
  noNullPrototype: true,
})
const owner = fc.constantFrom('', 'x', 'y')
const name = fc.constantFrom(...names)

const cluster = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }).map((ports) => ({
  kind: 'Cluster',
  spec: { endpoints: ports.map((port) => ({ address: '127.0.0.1', port })) },
}))
const plan = fc.constant({ kind: 'Plan', spec: {} })
const consumer = fc
  .option(name)
  .map((named) => ({ kind: 'Consumer', spec: named === null ? {} : { plan: named } }))
const document: fc.Arbitrary<Document> = fc
  .record({ name, owner, labels, rest: fc.oneof(cluster, plan, consumer) })
  .map(({ rest, ...shared }) => ({ ...rest, ...shared }))
const documents = fc.uniqueArray(document, { selector: idOf, minLength: 1, maxLength: 5 })
const kind = fc.constantFrom(...Object.keys(plurals))
const patchedLabels = fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('1', '2', null), {
  noNullPrototype: true,
})

/** A revision is drawn as a part of those that there are by then. */
type Wish = Exclude<Op, { op: 'restore' }> | { op: 'restore' | 'read'; part: number }
const part = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const wish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('put' as const), document }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('patch' as const),
      kind,
      name,
      owner: fc.constantFrom('z', null, undefined),
      labels: patchedLabels,
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('delete' as const), kind, name }) },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('apply' as const), documents, prune: fc.constant(false) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('apply' as const), documents, prune: fc.constant(true) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('restore' as const), part }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('read' as const), part }) },
)

test(`${steps} steps of two writers at once: every answer, and the state at every revision, is that of a plain model`, async () => {
  const one = await startAdmin()
  const other = await startAdmin({ databaseUrl: one.databaseUrl, secrets: testSecrets() })
  try {
    const history: Objects[] = [new Map()]
    const wishes = fc.sample(wish, { seed, numRuns: steps })
    for (let step = 0; step < steps; step += 2) {
      const pair = wishes.slice(step, step + 2)
      const told = `step ${step} of seed ${seed}: ${JSON.stringify(pair)}`
      const done = await Promise.all(pair.map((each, index) => make([one, other][index]!, history, each)))
      const writes = done.filter((each) => each !== undefined)
      const order = [writes, writes.toReversed()].find((each) => fits(history, each))
      assert.ok(order !== undefined, `${told}\n${writes.map(({ answer }) => answer.text).join('\n')}`)
      for (const { op } of order) advance(history, op)
    }
    await assertHistory([one, other], history)
  } finally {
    await other.close()
    await one.close()
  }
})

interface Made {
  op: Op
  answer: Answer
}

/** Makes a request; a read of the past is compared at once, since nothing that is written meanwhile changes it. */
async function make(admin: TestAdmin, history: readonly Objects[], each: Wish): Promise<Made | undefined> {
  if (!('part' in each)) return { op: each, answer: await request(admin, each) }
  const newest = history.length - 1
  if (newest === 0) return undefined
  const revision = 1 + Math.floor(each.part * newest)
  if (each.op === 'restore') {
    const op = { op: 'restore' as const, revision }
    return { op, answer: await request(admin, op) }
  }
  for (const [kind, plural] of Object.entries(plurals)) {
    const { body } = await admin.call('GET', `/v1/${plural}?at=${revision}`)
    const then = [...history[revision]!.values()].filter((object) => object.kind === kind)
    const shown = then.map(({ labels, owner, ...rest }) => ({
      ...rest,
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(owner !== '' && { owner }),
    }))
    assert.equal(text(body.items), text(shown.sort((a, b) => (a.name < b.name ? -1 : 1))), `at ${revision}`)
  }
  return undefined
}

function request(admin: TestAdmin, op: Op): Promise<Answer> {
  const url = (object: { kind: string; name: string }) => `/v1/${plurals[object.kind]}/${object.name}`
  switch (op.op) {
    case 'put':
      return admin.call('PUT', url(op.document), op.document)
    case 'patch':
      return admin.call('PATCH', url(op), { owner: op.owner, labels: op.labels })
    case 'delete':
      return admin.call('DELETE', url(op))
    case 'apply':
      return admin.call('POST', `/v1/apply?prune=${op.prune}`, op.documents)
    case 'restore':
      return admin.call('POST', `/v1/revisions/${op.revision}/restore`)
  }
}

/** Whether these answers are those of the model when the requests are made in this order. */
function fits(history: readonly Objects[], writes: readonly Made[]): boolean {
  const ahead = [...history]
  return writes.every(({ op, answer: { status, body } }) => {
    const { result, changes } = expected(ahead, op)
    if (result === 'missing') return status === 404
    if (result === 'refused') return status === 409 || status === 422
    advance(ahead, op)
    const told = body.changes?.map((change: { action: string; kind: string; name: string }) => {
      return `${change.action} ${idOf(change)}`
    })
    return status === 200 && body.revision === ahead.length - 1 && text(told?.sort()) === text(changes)
  })
}

function advance(history: Objects[], op: Op): void {
  const { next, changes } = expected(history, op)
  if (changes.some((change) => !change.startsWith('unchanged'))) history.push(next)
}

async function assertHistory(admins: readonly TestAdmin[], history: readonly Objects[]): Promise<void> {
  const objects = (state: State) =>
    [...state.objects.values()].flatMap((byName) =>
      [...byName.values()].map(({ document }) => text(document)),
    )
  for (const { store } of admins) {
    const state = await store.current()
    assert.equal(state.revision, history.length - 1)
    assert.deepEqual(objects(state).sort(), [...history.at(-1)!.values()].map(text).sort())
  }
  const { store } = admins[0]!
  for (const [revision, model] of history.entries()) {
    if (revision === 0) continue
    const state = await store.at(revision)
    assert.deepEqual(objects(state).sort(), [...model.values()].map(text).sort(), `revision ${revision}`)
    const from = Math.floor(revision / 2)
    const past = history[from]!
    const ids = [...new Set([...past.keys(), ...model.keys()])]
    const differ = ids.filter((id) => text(past.get(id)) !== text(model.get(id)))
    const told = (await store.differences(from, revision))
      .filter(({ before, after }) => text(before) !== text(after)) // written and put back counts as a row
      .map(idOf)
    assert.deepEqual(told.sort(), differ.sort(), `differences from ${from} to ${revision}`)
  }
}
