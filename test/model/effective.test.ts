import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Type } from 'typebox'
import type { Document } from '../../src/model/document.ts'
import { effective } from '../../src/model/effective.ts'
import type { Kind } from '../../src/model/kind.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { mapSecrets } from '../../src/model/secret.ts'
import { kinds } from '../../src/policies/index.ts'
import { arbitraryDocument } from '../support/arbitrary-document.ts'
import { storefrontDocuments, type Written } from '../support/example.ts'
import { stateOf } from '../support/state-of.ts'

const specOf = (kind: Kind, document: Document) => effective<Document['spec']>(kind.spec, document.spec)

describe('a spec with its defaults', () => {
  for (const kind of kinds) {
    test(`${kind.kind}: is as valid as the spec, and filled in again it is the same`, () => {
      const seen = validDocuments(kind).map((document) => {
        const whole = { ...document, spec: specOf(kind, document) }
        assert.deepEqual(readDocument(kinds, whole).problems, [], JSON.stringify(document))
        assert.deepEqual(specOf(kind, whole), whole.spec)
        return document
      })
      assert.ok(seen.length >= 50, `only ${seen.length} of the documents are valid`)
    })
  }

  test('a preset stands before the defaults and behind what is written', () => {
    const policy = kinds.find(({ kind }) => kind === 'OutlierDetectionPolicy')!
    const { interval, ejectionTime, maxEjectionPercent, requestVolume } = effective<Record<string, unknown>>(
      policy.spec,
      { preset: 'hosts', interval: '1s' },
    )
    assert.deepEqual([interval, ejectionTime, maxEjectionPercent, requestVolume], ['1s', '30s', 100, 10])
  })

  test('a default of a variant holds for that variant alone', () => {
    const route = kinds.find(({ kind }) => kind === 'Route')!
    const { forward, ...rest } = route.example.spec
    const timeout = (action: object) =>
      effective<{ timeout?: string }>(route.spec, { ...rest, ...action }).timeout
    assert.equal(timeout({ forward }), '15s')
    assert.equal(timeout({ respond: { status: 200 } }), undefined)
    assert.equal(timeout({ redirect: { host: 'shop.example' } }), undefined)
  })

  test('a default of a variant holds where the variant itself is the default', () => {
    const schema = Type.Object({
      policy: Type.Optional(Type.String({ default: 'even' })),
      choices: Type.Optional(Type.Integer({ default: 2, defaultWith: { field: 'policy', is: 'even' } })),
    })
    assert.deepEqual(effective(schema, {}), { policy: 'even', choices: 2 })
    assert.deepEqual(effective(schema, { policy: 'odd' }), { policy: 'odd' })
  })

  test('a default gives way to the field that stands for it', () => {
    const cluster = kinds.find(({ kind }) => kind === 'Cluster')!
    const pool = (connectionPool: object) => {
      const { maxRetries, retryBudget } = effective<{ connectionPool: Record<string, unknown> }>(
        cluster.spec,
        {
          ...{ endpoints: [], connectionPool },
        },
      ).connectionPool
      return { maxRetries, retryBudget }
    }
    const budget = { budgetPercent: 20, minRetryConcurrency: 3 }
    assert.deepEqual(pool({}), { maxRetries: undefined, retryBudget: budget })
    assert.deepEqual(pool({ maxRetries: 7 }), { maxRetries: 7, retryBudget: undefined })
    assert.deepEqual(pool({ retryBudget: { budgetPercent: 50 } }), {
      ...{ maxRetries: undefined, retryBudget: { ...budget, budgetPercent: 50 } },
    })
  })

  test('the whole storefront with its defaults can be applied, and means the same', () => {
    const documents = storefrontDocuments()
    const whole = documents.map((document) => {
      const kind = kinds.find((each) => each.kind === document.kind)!
      return { ...document, spec: effective<Document['spec']>(kind.spec, document.spec) }
    })
    const [plain, filled] = [stateOf(documents), stateOf(whole)]
    assert.ok(plain !== undefined && filled !== undefined)
    for (const kind of kinds) {
      for (const [name, { document }] of plain.objects.get(kind.kind) ?? []) {
        const again: Document = filled.objects.get(kind.kind)!.get(name)!.document
        assert.deepEqual(specOf(kind, again), specOf(kind, document), `${kind.kind}/${name}`)
      }
    }
  })
})

/** Documents that their kind accepts, among many that are like those of the storefront. */
function validDocuments(kind: Kind): Document[] {
  const seeds = [...storefrontDocuments(), { kind: kind.kind, ...kind.example }].filter(
    (document) => document.kind === kind.kind,
  )
  const made = fc.sample(arbitraryDocument(kind, seeds), { numRuns: 1_000, seed: 20_260_101 })
  return made.flatMap((value) => readDocument(kinds, withoutClearSecrets(kind, value)).document ?? [])
}

/** As they are stored. */
function withoutClearSecrets(kind: Kind, document: Written): Written {
  const spec = mapSecrets(kind.spec, document.spec, () => ({ secretRef: randomUUID() }))
  return { ...document, spec: spec as Written['spec'] }
}
