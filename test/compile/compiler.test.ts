import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Compiled, compile } from '../../src/compile/compile.ts'
import { createCompiler } from '../../src/compile/compiler.ts'
import type { Live } from '../../src/compile/live.ts'
import { type EncodedResources, encodeResources } from '../../src/envoy-api/encoded.ts'
import { type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import type { Document } from '../../src/model/document.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { SecretText } from '../../src/model/secret-text.ts'
import { emptyState, find, type Replacement, replace, type State } from '../../src/model/state.ts'
import { parseYaml } from '../../src/model/yaml.ts'
import { kinds } from '../../src/policies/index.ts'
import { inClear } from '../../src/secrets/in-clear.ts'
import { arbitraryDocument } from '../support/arbitrary-document.ts'
import { goldenCases, live } from './golden-cases.ts'

/** Every document of the golden files: many of one name, which take each other's place. */
const pool = goldenCases().flatMap(({ input }) =>
  (parseYaml(readFileSync(input, 'utf8')).values ?? []).flatMap((value) => readable(value)),
)
const gateways = [...new Set(pool.filter(({ kind }) => kind === 'Gateway').map(({ name }) => name))]

function readable(value: unknown): Document[] {
  const { document } = readDocument(kinds, value)
  return document === undefined ? [] : [document]
}

const byKind = [...Map.groupBy(pool, ({ kind }) => kind).values()]

/** One of the pool, of any kind alike, with some fields as their schema allows them, whatever that refers to. */
const someSeed = fc.constantFrom(...byKind).chain((documents) => fc.constantFrom(...documents))
const someDocument = someSeed.chain((seed) => {
  const kind = kinds.find((each) => each.kind === seed.kind)!
  const changed = arbitraryDocument(kind, [seed]).map((value) => readable(value)[0] ?? seed)
  return fc.oneof(fc.constant(seed), changed)
})

type Edit = { put: Document[] } | { remove: number[] } | { announced: boolean } | { keys: boolean }

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 6, arbitrary: fc.array(someDocument, { minLength: 1, maxLength: 3 }).map((put) => ({ put })) },
  {
    weight: 2,
    arbitrary: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 2 }).map((remove) => ({ remove })),
  },
  { weight: 1, arbitrary: fc.boolean().map((announced) => ({ announced })) },
  { weight: 1, arbitrary: fc.boolean().map((keys) => ({ keys })) },
)

function edited(state: State, change: Edit): State {
  const revision = state.revision + 1
  const put = (document: Document): Replacement => {
    return { kind: document.kind, name: document.name, object: { document, revision } }
  }
  if ('put' in change) return replace(state, revision, change.put.map(put))
  if (!('remove' in change)) return state
  const there = [...state.objects].flatMap(([kind, byName]) =>
    [...byName.keys()].map((name) => ({ kind, name })),
  )
  const gone = there.length === 0 ? [] : change.remove.map((place) => there[place % there.length]!)
  return replace(
    state,
    revision,
    gone.map((each) => ({ ...each, object: null })),
  )
}

const secretId = '5b0a1f6e-2f0c-4a52-8a57-6a2f0f8f3c11'

function liveAfter(before: Live, change: Edit): Live {
  if ('announced' in change) return { ...before, announced: change.announced ? live.announced : new Map() }
  if (!('keys' in change)) return before
  return { ...before, secrets: new Map(change.keys ? [[secretId, new SecretText('a key')]] : []) }
}

/** All that a compile gives, as bytes and in order. */
function shown({ resources, problems, provenance }: Compiled, encoded: EncodedResources) {
  const bytes = [...encoded].map(([type, byName]) => {
    return [
      type,
      [...byName.values()].map(({ name, version, any }) => `${name} ${version} ${any.toString('hex')}`),
    ]
  })
  const origins = [...resources].map(([type, byName]) => {
    return [type, [...byName.keys()].sort().map((name) => [name, provenance.of(type, name)])]
  })
  return { bytes, problems, origins }
}

const ofGateway = (name: string) => {
  const compiler = createCompiler(name)
  let last: { resources: Compiled['resources']; encoded: EncodedResources } | undefined
  return (state: State, now: Live) => {
    const compiled = compiler(state, now)
    const encoded = encodeResources(compiled.resources, inClear, last)
    last = { resources: compiled.resources, encoded }
    return { compiled, encoded }
  }
}

describe('a compiler that remembers', () => {
  test('gives what a compile of everything gives, byte for byte, whatever was edited before', () => {
    const base = replace(
      emptyState,
      1,
      pool.map((document) => ({
        kind: document.kind,
        name: document.name,
        object: { document, revision: 1 },
      })),
    )
    fc.assert(
      fc.property(fc.constantFrom(emptyState, base), fc.array(edit, { maxLength: 12 }), (start, edits) => {
        const compilers = new Map(gateways.map((name) => [name, ofGateway(name)]))
        let [state, now]: [State, Live] = [start, live]
        for (const change of [{ put: [] }, ...edits]) {
          state = edited(state, change)
          now = liveAfter(now, change)
          for (const [name, compiler] of compilers) {
            if (find(state, 'Gateway', name) === undefined) continue
            const { compiled, encoded } = compiler(state, now)
            const whole = compile(state, name, now)
            assert.deepEqual(
              shown(compiled, encoded),
              shown(whole, encodeResources(whole.resources, inClear)),
            )
          }
        }
      }),
      { numRuns: process.env.WEIR_LONG === '1' ? 1_000 : 10 },
    )
  })

  const shop: Document[] = [
    { kind: 'Gateway', name: 'edge', spec: { listeners: [{ name: 'http', port: 1, protocol: 'http' }] } },
    ...['a', 'b'].flatMap((name) => [
      { kind: 'Cluster', name, spec: { endpoints: [{ address: '10.0.0.1', port: 80 }] } },
      {
        kind: 'Route',
        name,
        spec: { gateways: ['edge'], match: { path: { prefix: `/${name}` } }, forward: [{ cluster: name }] },
      },
    ]),
  ].flatMap((value) => readable(value))

  /** Types of which anything was made anew by an edit of the shop. */
  function touched(value: object): string[] {
    const compiler = ofGateway('edge')
    const before = edited(emptyState, { put: shop })
    const first = compiler(before, live).encoded
    const second = compiler(edited(before, { put: readable(value) }), live).encoded
    return Object.entries(typeUrls)
      .filter(([, type]) => first.get(type as TypeUrl) !== second.get(type as TypeUrl))
      .map(([short]) => short)
  }

  test('an edit of endpoints touches endpoints alone', () => {
    const endpoints = [{ address: '10.0.0.2', port: 80 }]
    assert.deepEqual(touched({ kind: 'Cluster', name: 'a', spec: { endpoints } }), ['endpoints'])
  })

  test('an edit of a route touches the routes alone', () => {
    const spec = { gateways: ['edge'], match: { path: { prefix: '/c' } }, forward: [{ cluster: 'a' }] }
    assert.deepEqual(touched({ kind: 'Route', name: 'a', spec }), ['route'])
  })

  test('an edit of a policy touches what meets it', () => {
    const outlier = { kind: 'OutlierDetectionPolicy', name: 'default', spec: { consecutive5xx: 7 } }
    assert.deepEqual(touched(outlier), ['cluster'])
  })

  test('what is not in use touches nothing', () => {
    assert.deepEqual(touched({ kind: 'Cluster', name: 'c', spec: { endpoints: [] } }), [])
    assert.deepEqual(touched({ kind: 'Consumer', name: 'c', spec: {} }), [])
  })

  test('one cluster of many is all that is compiled again', () => {
    const compiler = createCompiler('edge')
    const before = edited(emptyState, { put: shop })
    const first = compiler(before, live).resources.get(typeUrls.endpoints)!
    const endpoints = [{ address: '10.0.0.2', port: 80 }]
    const after = edited(before, { put: readable({ kind: 'Cluster', name: 'a', spec: { endpoints } }) })
    const second = compiler(after, live).resources.get(typeUrls.endpoints)!
    assert.notEqual(first.get('a'), second.get('a'))
    assert.equal(first.get('b'), second.get('b'))
  })
})
