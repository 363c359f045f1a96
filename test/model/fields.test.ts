import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { breakersOf, strictBreakers } from '../../src/compile/breakers.ts'
import { compile } from '../../src/compile/compile.ts'
import { limitsOf } from '../../src/compile/limits.ts'
import type { Live } from '../../src/compile/live.ts'
import { rateLimitsOf } from '../../src/compile/routing/rate-limits.ts'
import { routesOf } from '../../src/compile/routing/routes-of.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { entryKey } from '../../src/model/descriptor.ts'
import type { Document } from '../../src/model/document.ts'
import { effective } from '../../src/model/effective.ts'
import { type EffectiveGateway, GatewaySpec } from '../../src/model/gateway.ts'
import type { Kind } from '../../src/model/kind.ts'
import type { RequestPart } from '../../src/model/limit-rule.ts'
import { pendingWarnings, type Warning } from '../../src/model/pending.ts'
import { documentSchema } from '../../src/model/read-document.ts'
import { schemaProblems } from '../../src/model/schema-problems.ts'
import { all, type State } from '../../src/model/state.ts'
import type { SchemaNode } from '../../src/model/walk.ts'
import { kinds } from '../../src/policies/index.ts'
import { inClear } from '../../src/secrets/in-clear.ts'
import { storefrontDocuments } from '../support/example.ts'
import { testLive } from '../support/live.ts'
import { otherValues } from '../support/other-values.ts'
import { absent, changed, type Field, fieldsOf, placesOf, valueAt } from '../support/schema-fields.ts'
import { secretsOf, stateOf } from '../support/state-of.ts'

/** Documents of another standard inside ours: what they hold is theirs, and the bounds of a document are theirs. */
const foreign = ['RequestPolicy/spec/openapi', 'RequestPolicy/spec/openapi/paths']

/** What says which object it is. Changing it makes another object, and the rest of the document is in `spec`. */
const identity = ['/kind', '/name', '/spec']

/** What another field says, too, so that neither can be changed alone: an https listener is one with `tls`. */
const paired = ['Gateway/spec/listeners/*/protocol']

/** Another form of the field around it, written by an export alone. */
const isReference = (path: string) => path.endsWith('/secretRef')

describe('what every field says of itself', () => {
  for (const kind of kinds) {
    const fields = fieldsOf(documentSchema(kind))
    const holes = (isHole: (field: Field) => boolean) =>
      assert.deepEqual(
        fields.filter(isHole).map(({ path }) => kind.kind + path),
        [],
      )

    test(`${kind.kind}: what it is`, () => holes(({ node }) => (node.description ?? '') === ''))
    test(`${kind.kind}: how large it may be`, () => {
      holes(({ node, path }) => !foreign.includes(kind.kind + path) && !isBounded(node))
    })
    test(`${kind.kind}: what happens without it`, () =>
      holes((field) => field.optional && !saysWithout(field)))
    test(`${kind.kind}: examples and defaults that fit it, at least one for enums, durations and sizes`, () => {
      holes(({ node, path }) => {
        const given = [...(node.default === undefined ? [] : [node.default]), ...(node.examples ?? [])]
        const needed = node.enum !== undefined || /^weir-(duration|size)$/.test(node.format ?? '')
        if (identity.includes(path)) return false
        return (needed && given.length === 0) || given.some((value) => schemaProblems(node, value).length > 0)
      })
    })
  }

  function isBounded(node: SchemaNode): boolean {
    if (node.anyOf !== undefined) return node.anyOf.every(isBounded)
    if (node.enum !== undefined || node.const !== undefined) return true
    switch (node.type) {
      case 'boolean':
        return true
      case 'integer':
      case 'number':
        return node.minimum !== undefined && node.maximum !== undefined
      case 'string':
        return node.maxLength !== undefined || (node.atLeast !== undefined && node.atMost !== undefined)
      case 'array':
        return node.maxItems !== undefined
      default:
        return node.type === 'object' && isBoundedObject(node)
    }
  }

  /** Keys of a map are bounded by the pattern that they must match, which has no open end. */
  function isBoundedObject(node: SchemaNode & { maxProperties?: number; additionalProperties?: unknown }) {
    const patterns = Object.keys(node.patternProperties ?? {})
    if (node.additionalProperties !== false) return false
    return patterns.every((pattern) => node.maxProperties !== undefined && !/[*+](?![^[]*\])/.test(pattern))
  }

  function saysWithout({ path, node, around }: Field): boolean {
    if (node.default !== undefined) return true
    if (/\b(without|left out|else)\b|default:/i.test(node.description ?? '')) return true
    const parent = around.at(-1) as SchemaNode & { minProperties?: number; maxProperties?: number }
    if (parent.minProperties === 1 && parent.maxProperties === 1) return true
    const choice = /exactly one of ([\w, ]+)/.exec(parent.description ?? '')?.[1] ?? ''
    return choice.split(', ').includes(path.split('/').at(-1)!)
  }
})

const live = testLive({
  announced: new Map(
    ['front', 'back'].map((gateway, index) => {
      const peer = `127.0.0.${index + 1}`
      return [gateway, [{ gateway, node: `${gateway}-1`, addresses: [], peer }]]
    }),
  ),
})
const written = storefrontDocuments()
const base = stateOf(written)!

/** All that a state means to Envoys and to the decisions of the rate-limit service. */
function delivered(state: State, secrets: Live['secrets']): string {
  const gateways = all(state, 'Gateway').map(({ document }) => document)
  const versions = gateways.map(({ name }) =>
    [...encodeResources(compile(state, name, { ...live, secrets }).resources, inClear)].map(
      ([type, byName]) => [type, [...byName].map(([name, { version }]) => [name, version])],
    ),
  )
  return JSON.stringify(
    [versions, askedRules(state, gateways), askedBreakers(state, gateways)],
    (_, value) => (value instanceof Map ? [...value] : value),
  )
}

/** Limits as far as Envoy says what they look at; a rule that it never asks for decides nothing. */
function askedRules(state: State, gateways: readonly Document[]) {
  const said = new Map<string, string>()
  for (const { name, spec } of gateways) {
    const gateway = { name, spec: effective<EffectiveGateway>(GatewaySpec, spec) }
    const limits = routesOf(state, gateway, new Map()).flatMap((route) => rateLimitsOf(gateway, route))
    for (const { policy, actions } of limits) said.set(policy, JSON.stringify(actions))
  }
  const { rules, plans } = limitsOf(state)
  return [...said].map(([policy, actions]) => {
    const { plans: ofPlans, overrides, ...rule } = rules.get(policy)!
    const isSaid = (part: RequestPart) => actions.includes(`:"${entryKey(part)}"`)
    const byPlan = isSaid({ kind: 'plan' }) ? [ofPlans, plans] : []
    const remoteAddress = actions.includes('"remote_address"')
    return [
      rule,
      byPlan,
      overrides.filter(({ part }) => (part.kind === 'client_ip' ? remoteAddress : isSaid(part))),
    ]
  })
}

/** Strict breakers as far as a route asks for them. */
function askedBreakers(state: State, gateways: readonly Document[]) {
  const breakers = strictBreakers(state)
  const asked = gateways.flatMap(({ name, spec }) => {
    const gateway = { name, spec: effective<EffectiveGateway>(GatewaySpec, spec) }
    return routesOf(state, gateway, breakers).flatMap((route) => route.breakers)
  })
  const rules = breakersOf(state)
  return asked.map(({ cluster }) => rules.get(cluster))
}

const now = delivered(base, secretsOf(written))

interface Place {
  document: number
  pointer: string
  warned: boolean
}

/** Every place of the storefront example that has the field, and whether its author is warned that it is not delivered. */
function placesIn(kind: Kind, path: string): Place[] {
  return written.flatMap((document, number) => {
    if (document.kind !== kind.kind) return []
    const warnings = pendingWarnings(kind.spec, document as Document & typeof document)
    return placesOf(document, path).map((pointer) => ({
      document: number,
      pointer,
      warned: warnings.some((warning) => covers(warning, pointer)),
    }))
  })
}

function covers(warning: Warning, pointer: string): boolean {
  return pointer === warning.pointer || pointer.startsWith(`${warning.pointer}/`)
}

/** Valid documents that differ from the example in one place only, and whether anything delivered changes by it. */
function* changes(field: Field, { document, pointer }: Place) {
  const before = written[document]!
  const names = written.map(({ name }) => name)
  const others = otherValues(field.node, valueAt(before, pointer), names).map((other) => ({
    other,
    at: pointer,
  }))
  // What is `true` or not there can only be taken away with the item that it is the choice of.
  const gone = field.node.const === true ? pointer.slice(0, pointer.lastIndexOf('/')) : pointer
  for (const { other, at } of [...others, { other: absent, at: gone }]) {
    const after = changed(before, at, other)
    const all = written.with(document, after)
    const state = stateOf(all)
    if (state === undefined) continue
    const kind = kinds.find((each) => each.kind === after.kind)!
    const warnings = pendingWarnings(kind.spec, after as Document & typeof after)
    const warned = warnings.some((each) => covers(each, pointer))
    yield { other, warned, differs: delivered(state, secretsOf(all)) !== now }
  }
}

/** Of an enum whose values but one are warned of nothing is to be told apart. */
function hasOneValue({ enum: values = [], pendingValues = {} }: SchemaNode): boolean {
  return values.filter((value) => !Object.hasOwn(pendingValues, String(value))).length === 1
}

const isControlPlane = ({ node, around }: Field) => [node, ...around].some(({ controlPlane }) => controlPlane)

describe('every field is delivered to Envoy, or warned of, or for weir alone', () => {
  test('the example is valid, and has every kind', () => {
    assert.ok(base !== undefined)
    assert.deepEqual(new Set(written.map(({ kind }) => kind)), new Set(kinds.map(({ kind }) => kind)))
  })

  for (const kind of kinds) {
    const fields = fieldsOf(documentSchema(kind)).filter(
      (field) => !identity.includes(field.path) && !isControlPlane(field) && !isReference(field.path),
    )

    test(`${kind.kind}: the example has every field`, () => {
      const missing = fields.filter(({ path }) => placesIn(kind, path).length === 0)
      assert.deepEqual(
        missing.map(({ path }) => path),
        [],
      )
    })

    test(`${kind.kind}: none is silent`, () => {
      const silent = fields.filter((field) => {
        if (hasOneValue(field.node) || paired.includes(kind.kind + field.path)) return false
        const places = placesIn(kind, field.path)
        const open = places.filter(({ warned }) => !warned)
        return open.length > 0 && !open.some((place) => changes(field, place).some(({ differs }) => differs))
      })
      assert.deepEqual(
        silent.map(({ path }) => path),
        [],
      )
    })

    test(`${kind.kind}: every value of an enum is delivered or warned of`, () => {
      const silent = fields.flatMap((field) => {
        if (field.node.enum === undefined || hasOneValue(field.node)) return []
        const tried = placesIn(kind, field.path).flatMap((place) =>
          [...changes(field, place)]
            // A value that is warned of does what the default does.
            .filter(({ other }) => other !== absent && !(place.warned && other === field.node.default)),
        )
        // Some of the example's objects are used by nothing that is delivered yet.
        const seen = new Set(
          tried.filter(({ warned, differs }) => warned || differs).map(({ other }) => other),
        )
        const others = new Set(tried.map(({ other }) => other))
        return [...others]
          .filter((other) => !seen.has(other))
          .map((other) => `${field.path}: ${String(other)}`)
      })
      assert.deepEqual(silent, [])
    })

    test(`${kind.kind}: what is warned of does nothing, whatever its value`, () => {
      const active = fields.filter((field) => {
        // What has parts is changed by its parts.
        if (hasParts(field.node)) return false
        const warned = placesIn(kind, field.path).filter((place) => place.warned)
        return warned.some((place) =>
          changes(field, place).some(({ other, warned, differs }) => other !== absent && warned && differs),
        )
      })
      assert.deepEqual(
        active.map(({ path }) => path),
        [],
      )
    })
  }

  function hasParts({ properties, patternProperties, items }: SchemaNode): boolean {
    return properties !== undefined || patternProperties !== undefined || items !== undefined
  }
})
