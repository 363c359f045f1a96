import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runtime } from '../../src/bootstrap/bootstrap.ts'
import { createValidation, type ValidationOptions } from '../../src/control/validation.ts'
import type { Document } from '../../src/model/document.ts'
import { emptyState, replace } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { testLive } from '../support/live.ts'
import { stateOf } from '../support/state-of.ts'

const gateway = (name: string, port: number): Document => ({
  ...{ kind: 'Gateway', name, labels: {}, owner: '' },
  spec: { listeners: [{ name: 'http', port, protocol: 'http' }] },
})
const route = (name: string, at = 'edge'): Document => ({
  ...{ kind: 'Route', name, labels: {}, owner: '' },
  spec: { gateways: [at], match: { path: { prefix: `/${name}` } }, respond: { status: 200 } },
})
const error = 'there is something'

/** What is said of a write after which an Envoy refuses configurations with such a text. */
async function validated(documents: Document[], refuses: (text: string) => boolean, before = emptyState) {
  const ask: ValidationOptions['ask'] = async (bootstrap) =>
    refuses(bootstrap.toString('latin1')) ? { state: 'refused', error } : { state: 'accepted' }
  const written = documents.map((document) => {
    const { kind, name } = document
    return { kind, name, object: { revision: before.revision + 1, document } }
  })
  const after = replace(before, before.revision + 1, written)
  const gateways = new Set(documents.filter(({ kind }) => kind === 'Gateway').map(({ name }) => name))
  const validate = createValidation({ ask, kinds, runtime, live: () => testLive() })
  return { said: await validate(before, after, gateways.union(new Set(['edge']))) }
}

describe('what an Envoy says of a write before it is made', () => {
  const documents = [gateway('edge', 10_000), route('good'), route('bad')]

  test('accepted; refused by the row that is to blame', async () => {
    assert.deepEqual((await validated(documents, () => false)).said, { state: 'accepted', problems: [] })
    const { said } = await validated(documents, (text) => text.includes('/bad'))
    assert.deepEqual(said, {
      state: 'refused',
      problems: [{ gateway: 'edge', kind: 'Route', name: 'bad', pointer: '', error }],
    })
  })

  test('a refusal that no row explains is untraced, and never accepted', async () => {
    const { said } = await validated(documents, () => true)
    assert.deepEqual(said, { state: 'untraced', problems: [], untraced: [{ gateway: 'edge', error }] })
  })

  test('nor is one whose rows are not found by as many questions as may be asked', async () => {
    // Each of them alone is fine, so that every try is accepted.
    const many = Array.from({ length: 64 }, (_, at) => route(`r${at}x`))
    const all = (text: string) => many.every(({ name }) => text.includes(`/${name}`))
    const { said } = await validated([gateway('edge', 10_000), ...many], all)
    assert.notEqual(said.state, 'accepted')
  })

  test('the rows of one gateway are told beside what another one refuses for no row', async () => {
    const before = stateOf([gateway('edge', 10_000), route('good')])!
    const written = [route('bad'), gateway('core', 10_001), route('core', 'core')]
    // Whatever there is of the gateway core has no such route.
    const { said } = await validated(
      written,
      (text) => text.includes('/bad') || !text.includes('/good'),
      before,
    )
    assert.equal(said.state, 'refused')
    assert.deepEqual(
      said.problems.map(({ name }) => name),
      ['bad'],
    )
    assert.deepEqual(said.untraced, [{ gateway: 'core', error }])
  })
})
