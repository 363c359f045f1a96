import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { allReferences, referrersOf } from '../../src/model/references.ts'
import { all, changedRows, compareNames, emptyState, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'

const context = { supervised: false, listenerAddress: '0.0.0.0' }
const names = ['a', 'b', 'c', 'd']

const gateway: Edit = {
  op: 'put',
  object: {
    kind: 'Gateway',
    name: 'edge',
    labels: {},
    owner: '',
    spec: { listeners: [{ name: 'http', port: 1, protocol: 'http' }] },
  },
  document: 0,
}
const put = (kind: string, name: string, spec: Record<string, unknown>): Edit => {
  return { op: 'put', object: { kind, name, labels: {}, owner: '', spec }, document: 0 }
}

const name = fc.constantFrom(...names)
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .tuple(name, fc.integer({ min: 1, max: 3 }))
    .map(([each, port]) => put('Cluster', each, { endpoints: [{ address: '10.0.0.1', port }] })),
  fc.tuple(name, name).map(([each, cluster]) =>
    put('Route', each, {
      gateways: ['edge'],
      match: { path: { prefix: `/${each}` } },
      forward: [{ cluster }],
    }),
  ),
  fc
    .tuple(fc.constantFrom('Cluster', 'Route'), name)
    .map(([kind, each]): Edit => ({ op: 'delete', kind, name: each, document: 0 })),
)

const writes = fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), { maxLength: 20 })

/** The states after those of the writes that are not refused. */
function statesAfter(edits: readonly (readonly Edit[])[]): State[] {
  const states = [emptyState]
  for (const write of [[gateway], ...edits]) {
    const plan = planWrite(kinds, states.at(-1)!, write, context)
    if (plan.problems.length === 0 && plan.next !== states.at(-1)) states.push(plan.next)
  }
  return states
}

/** A state that has the same objects, and of which nobody knows how it came to be. */
const forgotten = ({ revision, objects }: State): State => ({ revision, objects })

describe('what differs between two states', () => {
  test('is the same whether it is known from the writes or found by comparison', () => {
    fc.assert(
      fc.property(writes, fc.nat(), fc.nat(), (edits, one, other) => {
        const states = statesAfter(edits)
        const [from, to] = [one % states.length, other % states.length].sort((a, b) => a - b)
        const differ = (before: State, after: State) =>
          changedRows(before, after)
            .filter(({ kind, name }) => {
              return before.objects.get(kind)?.get(name) !== after.objects.get(kind)?.get(name)
            })
            .map(({ kind, name }) => `${kind}/${name}`)
            .sort()
        assert.deepEqual(
          differ(states[from!]!, states[to!]!),
          differ(forgotten(states[from!]!), forgotten(states[to!]!)),
        )
      }),
    )
  })

  test('an order and an index that were carried on are those that are made anew', () => {
    fc.assert(
      fc.property(writes, (edits) => {
        for (const state of statesAfter(edits)) {
          for (const kind of ['Cluster', 'Route']) {
            const sorted = [...(state.objects.get(kind)?.keys() ?? [])].sort(compareNames)
            assert.deepEqual(
              all(state, kind).map(({ document }) => document.name),
              sorted,
            )
          }
          const index = Map.groupBy(
            allReferences(kinds, state),
            ({ reference }) => `${reference.kind}/${reference.name}`,
          )
          const plain = (map: ReturnType<typeof referrersOf>) => {
            const entries = [...map].map(([key, list]) => [key, list.map(({ from }) => from.name).sort()])
            return Object.fromEntries(entries)
          }
          assert.deepEqual(plain(referrersOf(kinds, state)), plain(index))
        }
      }),
    )
  })

  test('a write is refused for what it breaks, whatever of the state is looked at', () => {
    fc.assert(
      fc.property(writes, fc.array(edit, { minLength: 1, maxLength: 3 }), (edits, last) => {
        const state = statesAfter(edits).at(-1)!
        const { next, problems } = planWrite(kinds, state, last, context)
        const dangling = [...allReferences(kinds, next)].filter(({ reference }) => {
          return reference.optional !== true && !next.objects.get(reference.kind)?.has(reference.name)
        })
        const cut = problems.filter(({ message }) => /is still named by|there is no/.test(message))
        assert.equal(cut.length, next === state ? 0 : dangling.length)
      }),
    )
  })
})
