import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { HeldRow } from '../../src/admin/context.ts'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { weir } from '../support/run-weir.ts'

describe('weir, where Envoy refuses what is written', () => {
  let admin: TestAdmin
  let row: HeldRow
  const run = (...args: string[]) =>
    weir(args, { environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token }, stdin: sample })

  before(async () => {
    const held = () => (row === undefined ? [] : [row])
    admin = await startAdmin({
      deliver: async () => ({ state: 'nacked', envoys: [], replicas: [], heldBack: held() }),
      heldBack: held,
    })
    const { body } = await admin.call('POST', '/v1/apply', sample)
    row = {
      ...{
        kind: 'Cluster',
        name: 'echo',
        revision: body.revision,
        inForce: null,
        pointer: '/spec/endpoints',
      },
      ...{
        error: 'no\u001b[31m \u2014 never',
        gateway: 'edge',
        node: 'edge-1',
        type: 'cluster',
        resource: 'echo',
      },
      since: '2026-01-01T00:00:00.000Z',
    }
  })
  after(() => admin.close())

  test('apply --wait says which row and field, why, and what is in force', async () => {
    const { code, stderr } = await run('apply', '-f', '-', '--wait')
    assert.equal(code, 1)
    assert.match(
      stderr,
      /Cluster\/echo \/spec\/endpoints: held back: nothing of it is in force; edge\/edge-1 refuses cluster echo: no/,
    )
    assert.ok(!stderr.includes('\u001b[31m'), stderr)
  })

  test('fleet lists it', async () => {
    const { code, stdout } = await run('fleet')
    assert.equal(code, 0)
    assert.match(stdout, /Cluster\/echo \/spec\/endpoints: held back/)
  })

  test('get warns beside the document, and not once the row has another form', async () => {
    const { code, stdout, stderr } = await run('get', 'clusters/echo')
    assert.equal(code, 0)
    assert.match(stdout, /^kind: Cluster\n/)
    assert.match(
      stderr,
      /warning: Cluster\/echo is held back, since Envoy refuses it: nothing of it is in force; \/spec\/endpoints: no.*\u2014 never/,
    )
    assert.ok(!stderr.includes('\u001b[31m'), stderr)
    row = { ...row, revision: row.revision + 1 }
    assert.equal((await run('get', 'clusters/echo')).stderr, '')
  })
})
