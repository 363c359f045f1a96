import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WeirError } from '../../src/errors.ts'
import {
  confirmationToken,
  neverHalf,
  reductionsOf,
  requireConfirmation,
} from '../../src/model/confirmation.ts'
import { replace, type State } from '../../src/model/state.ts'
import { stateOf } from '../support/state-of.ts'

describe('fewer than half of 20 or more', () => {
  for (const [before, after, guarded] of [
    [20, 10, false],
    [20, 9, true],
    [19, 0, false],
    [21, 11, false],
    [21, 10, true],
    [20, 0, true],
    [20, 30, false],
    [10_000, 5_000, false],
    [10_000, 4_999, true],
    [0, 0, false],
  ] as const) {
    test(`${before} become ${after}: ${guarded ? 'is to be confirmed' : 'is not'}`, () => {
      const found = (what: 'routes' | 'endpoints') => {
        const [was, is] = [
          { routes: 0, endpoints: 0, [what]: before },
          { routes: 0, endpoints: 0, [what]: after },
        ]
        return reductionsOf('edge', was, is)
      }
      for (const what of ['routes', 'endpoints'] as const) {
        assert.deepEqual(found(what), guarded ? [{ gateway: 'edge', what, before, after }] : [])
      }
    })
  }

  test('both at once are two', () => {
    const both = reductionsOf('edge', { routes: 20, endpoints: 40 }, { routes: 0, endpoints: 19 })
    assert.deepEqual(
      both.map(({ what }) => what),
      ['routes', 'endpoints'],
    )
  })

  test('what is passed over unseen could not have been guarded', () => {
    for (let before = 20; before <= 200; before++) {
      const [was, is] = [before, before - neverHalf].map((routes) => ({ routes, endpoints: 0 }))
      assert.deepEqual(reductionsOf('edge', was!, is!), [])
    }
  })
})

describe('the token', () => {
  const cluster = (name: string, spec: object) => ({ kind: 'Cluster', name, spec })
  const start: State = {
    ...stateOf([
      cluster('a', { endpoints: [{ address: '10.0.0.1', port: 1 }], protocol: 'http1' }),
      cluster('b', { endpoints: [] }),
    ])!,
    revision: 7,
  }
  const written = (name: string, spec: Record<string, unknown> | null, state = start) => {
    const document = { kind: 'Cluster', name, labels: {}, owner: '', spec: spec! }
    const object = spec === null ? null : { document, revision: state.revision + 1 }
    return replace(state, state.revision + 1, [{ kind: 'Cluster', name, object }])
  }
  const update = (name: string) => ({ kind: 'Cluster', name, action: 'updated' })
  const empty = written('a', { endpoints: [], protocol: 'http1' })
  const token = confirmationToken(start, empty, [update('a')])

  test('is the same for the same write, whatever the order of fields and what it leaves unchanged', () => {
    assert.match(token, /^[0-9a-f]{16}$/)
    const reordered = written('a', { protocol: 'http1', endpoints: [] })
    const unchanged = { kind: 'Cluster', name: 'b', action: 'unchanged' }
    assert.equal(confirmationToken(start, reordered, [unchanged, update('a')]), token)
  })

  test('is another one for another state, object, content or deletion', () => {
    const later = { ...start, revision: 8 }
    const others = [
      confirmationToken(later, written('a', { endpoints: [], protocol: 'http1' }, later), [update('a')]),
      confirmationToken(start, written('a', { endpoints: [], protocol: 'http2' }), [update('a')]),
      confirmationToken(start, written('b', { endpoints: [], protocol: 'http1' }), [update('b')]),
      confirmationToken(start, written('a', null), [{ ...update('a'), action: 'deleted' }]),
      confirmationToken(start, empty, [update('a'), update('b')]),
    ]
    assert.equal(new Set([token, ...others]).size, 6)
  })

  test('does not depend on the ids that new secrets would get, and does on which are there', () => {
    const withRef = (id: string) => written('a', { endpoints: [], secret: { secretRef: id } })
    const one = confirmationToken(start, withRef('one'), [update('a')])
    assert.equal(confirmationToken(start, withRef('two'), [update('a')]), one)
    const there = { ...withRef('one'), revision: 7 }
    const kept = confirmationToken(
      there,
      written('a', { endpoints: [], secret: { secretRef: 'one' } }, there),
      [update('a')],
    )
    const changed = confirmationToken(
      there,
      written('a', { endpoints: [], secret: { secretRef: 'two' } }, there),
      [update('a')],
    )
    assert.notEqual(kept, changed)
  })
})

describe('a refusal', () => {
  const reductions = [{ gateway: 'edge', what: 'routes' as const, before: 24, after: 9 }]
  const refused = (given: string | undefined): WeirError => {
    try {
      requireConfirmation({ token: 'abc', reductions }, given)
    } catch (error) {
      assert.ok(error instanceof WeirError)
      return error
    }
    throw new Error('it was let through')
  }

  test('names gateway, what, before, after and the token; a wrong token is told to be wrong', () => {
    const { code, problems, members } = refused(undefined)
    assert.equal(code, 'confirmation_needed')
    assert.deepEqual(problems, [
      {
        pointer: '',
        message: 'Gateway/edge would have 9 of its 24 routes',
        remedy: 'if that is meant, send the same write again with ?confirm=abc',
      },
    ])
    assert.deepEqual(members, { confirmation: { token: 'abc', reductions } })
    assert.deepEqual(
      refused('another').problems.map(({ remedy }) => remedy),
      [
        'the token that was sent is for another write, or for a state that has changed since; if this is meant, send the same write again with ?confirm=abc',
      ],
    )
  })

  test('the token lets it through, and nothing is asked where nothing is taken', () => {
    requireConfirmation({ token: 'abc', reductions }, 'abc')
    requireConfirmation({ token: 'abc', reductions: [] }, undefined)
  })
})
