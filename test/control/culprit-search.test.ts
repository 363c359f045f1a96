import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CulpritSearch } from '../../src/control/culprit-search.ts'
import { type Form, formOf } from '../../src/model/quarantine.ts'

const forms = (count: number): Form[] =>
  Array.from({ length: count }, (_, index) => ({ kind: 'Route', name: `r${index}`, revision: 7 }))

/** An Envoy that refuses a resource as long as any of the bad forms is in it, and may say which. */
function searchAmong(
  all: readonly Form[],
  bad: ReadonlySet<string>,
  says: (left: Form[]) => Form | undefined,
) {
  const search = new CulpritSearch((some) =>
    all.filter((form) => some.some((each) => formOf(each) === formOf(form))),
  )
  let answers = 0
  const ask = () => {
    answers++
    const held = new Set(search.held.map(formOf))
    const suspects = all.filter((form) => !held.has(formOf(form)))
    const left = suspects.filter((form) => bad.has(formOf(form)))
    if (left.length === 0) return search.accepted()
    const form = says(left)
    search.refused({ suspects, blamed: form && { form, pointer: '/spec/x' }, error: 'no' })
  }
  for (ask(); !search.over; ask()) assert.ok(answers < 10_000)
  return { culprits: search.culprits, answers }
}

const some = fc.integer({ min: 1, max: 60 }).chain((count) =>
  fc.record({
    all: fc.constant(forms(count)),
    bad: fc.uniqueArray(fc.integer({ min: 0, max: count - 1 }), { minLength: 1, maxLength: 6 }),
  }),
)

describe('the search for culprits', () => {
  test('finds all of them and no others where Envoy names none', () => {
    fc.assert(
      fc.property(some, ({ all, bad }) => {
        const wanted = new Set(bad.map((index) => formOf(all[index]!)))
        const { culprits, answers } = searchAmong(all, wanted, () => undefined)
        assert.deepEqual(new Set(culprits.map(({ form }) => formOf(form))), wanted)
        assert.ok(answers <= 2 + wanted.size * 2 * (Math.log2(all.length) + 2), `${answers} answers`)
      }),
    )
  })

  test('finds one among 1,000 in some 20 answers, and in two where Envoy names it', () => {
    const all = forms(1_000)
    const bad = new Set([formOf(all[617]!)])
    const told = searchAmong(all, bad, ([first]) => first)
    assert.deepEqual(told, {
      answers: 2,
      culprits: [{ form: all[617], pointer: '/spec/x', error: 'no' }],
    })
    const untold = searchAmong(all, bad, () => undefined)
    assert.deepEqual(
      untold.culprits.map(({ form }) => form),
      [all[617]],
    )
    assert.ok(untold.answers <= 24, `${untold.answers} answers`)
  })

  test('finds each that Envoy names in turn', () => {
    const all = forms(20)
    const bad = new Set([3, 9, 12].map((index) => formOf(all[index]!)))
    const { culprits, answers } = searchAmong(all, bad, ([first]) => first)
    assert.deepEqual(new Set(culprits.map(({ form }) => formOf(form))), bad)
    assert.equal(answers, 4)
  })

  test('clears who was named and is innocent', () => {
    const all = forms(8)
    const bad = new Set([formOf(all[5]!)])
    let first = true
    const { culprits } = searchAmong(all, bad, () => {
      const wrong = first ? all[2] : undefined
      first = false
      return wrong
    })
    assert.deepEqual(
      culprits.map(({ form }) => form),
      [all[5]],
    )
  })

  test('names nobody where it is refused whatever is held back', () => {
    const search = new CulpritSearch((some) => some)
    search.refused({ suspects: forms(3), blamed: undefined, error: 'no' })
    search.refused({ suspects: [], blamed: undefined, error: 'no' })
    assert.equal(search.over, true)
    assert.deepEqual(search.culprits, [])
    assert.deepEqual(search.held, [])
  })

  test('takes an older form for bad, too, where that is refused in its turn', () => {
    const search = new CulpritSearch((some) => some)
    const newer = { kind: 'Cluster', name: 'c', revision: 5 }
    const older = { ...newer, revision: 3 }
    search.refused({ suspects: [newer], blamed: { form: newer, pointer: '/spec/a' }, error: 'first' })
    search.refused({ suspects: [older], blamed: { form: older, pointer: '/spec/b' }, error: 'second' })
    search.accepted()
    assert.deepEqual(search.culprits, [
      { form: newer, pointer: '/spec/a', error: 'first' },
      { form: older, pointer: '/spec/b', error: 'second' },
    ])
  })

  test('holds all that are left back when they are too many to be told apart', () => {
    const all = forms(300)
    const bad = new Set(all.map(formOf))
    const { culprits, answers } = searchAmong(all, bad, () => undefined)
    assert.deepEqual(new Set(culprits.map(({ form }) => formOf(form))), bad)
    assert.ok(answers <= 110, `${answers} answers`)
  })
})
