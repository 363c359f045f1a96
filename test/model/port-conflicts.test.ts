import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CheckContext } from '../../src/model/kind.ts'
import { planWrite } from '../../src/model/plan-write.ts'
import { emptyState } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { doorsOf } from '../../src/settings/doors.ts'
import { readSettings } from '../../src/settings/settings.ts'

const settings = readSettings('up', [], {
  WEIR_ADMIN_ADDR: 'localhost:8080',
  WEIR_XDS_ADDR: '127.0.0.1:18000',
  WEIR_RLS_ADDR: '0.0.0.0:18001',
  WEIR_INSECURE: 'true',
})
const doors = Object.values(doorsOf(settings))
const context: CheckContext = { supervised: true, listenerAddress: '127.0.0.1', doors }

function problems(listener: { port: number; address?: string }, given = context) {
  const free = { name: 'free', port: 9_999, protocol: 'http' }
  const spec = { listeners: [free, { name: 'http', protocol: 'http', ...listener }] }
  const object = { kind: 'Gateway', name: 'edge', labels: {}, owner: '', spec }
  return planWrite(kinds, emptyState, [{ op: 'put', object, document: 0 }], given).problems
}

describe('a listener on a port of weir’s own', () => {
  const cases: [string, { port: number; address?: string }, RegExp | undefined][] = [
    [
      'the admin API by name',
      { port: 8080 },
      /^port 8080 is already used by weir itself: Admin API \(WEIR_ADMIN_ADDR\)$/,
    ],
    ['xDS', { port: 18_000 }, /xDS server \(WEIR_XDS_ADDR\)/],
    ['xDS, on every address', { port: 18_000, address: '0.0.0.0' }, /xDS server/],
    ['xDS’s port on another address', { port: 18_000, address: '127.0.0.2' }, undefined],
    [
      'the rate-limit service, which binds every address',
      { port: 18_001, address: '127.0.0.2' },
      /Rate-limit/,
    ],
    ['none', { port: 10_000 }, undefined],
  ]
  for (const [where, listener, message] of cases) {
    test(`${where}: ${message === undefined ? 'is accepted' : 'is refused at its port'}`, () => {
      const [problem, ...more] = problems(listener)
      assert.deepEqual(more, [])
      assert.equal(problem?.pointer, message && '/spec/listeners/1/port')
      if (message !== undefined) assert.match(problem!.message, message)
    })
  }

  test('is accepted where the Envoys run elsewhere', () => {
    assert.deepEqual(problems({ port: 18_000 }, { ...context, supervised: false }), [])
  })
})
