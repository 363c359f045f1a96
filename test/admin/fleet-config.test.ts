import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { FleetItem } from '../../src/xds/fleet-item.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'

const item = (gateway: string, id: string, state: FleetItem['state'] = 'connected'): FleetItem => ({
  ...{ gateway, id, state, labels: {}, version: '1.40.0', addresses: [], peer: '127.0.0.1:1', types: {} },
  ...{ connectedAt: new Date(0).toISOString(), lastNack: null },
})

describe('GET /v1/fleet/{node}/config', () => {
  let admin: TestAdmin
  const asked: unknown[] = []
  before(async () => {
    admin = await startAdmin({
      fleet: () => [
        ...[item('edge', 'edge-1'), item('edge', 'same'), item('edge', 'same'), item('other', 'same')],
        ...[item('edge', 'gone', 'disconnected'), item('edge', 'zone a/1'), item('edge', 'leaving')],
      ],
      config: (question) => {
        asked.push(question)
        const resource = { type: 'cluster', name: 'a', version: 'v', refused: 'no', resource: { name: 'a' } }
        const { gateway, id } = question
        return id === 'leaving' ? undefined : { gateway, id, revision: 7, resources: [resource] }
      },
    })
  })
  after(() => admin.close())
  const get = (path: string) => admin.call('GET', `/v1/fleet/${path}`)

  test('200', async () => {
    const { status, body } = await get('edge-1/config')
    const resource = { type: 'cluster', name: 'a', version: 'v', refused: 'no', resource: { name: 'a' } }
    assert.equal(status, 200)
    assert.deepEqual(body, { gateway: 'edge', id: 'edge-1', revision: 7, resources: [resource] })
    assert.equal((await get('zone%20a%2F1/config?type=route')).status, 200)
    assert.equal((await get('same/config?gateway=other')).status, 200)
    assert.deepEqual(asked, [
      { gateway: 'edge', id: 'edge-1' },
      { gateway: 'edge', id: 'zone a/1', type: 'route' },
      { gateway: 'other', id: 'same' },
    ])
  })

  test('400 for a type that there is not', async () => {
    const { status, body } = await get('edge-1/config?type=routes')
    assert.equal(status, 400)
    assert.match(JSON.stringify(body), /route/)
  })

  test('404 for one that is not connected here', async () => {
    for (const path of ['nobody/config', 'gone/config', 'leaving/config', 'edge-1/config?gateway=other'])
      assert.equal((await get(path)).status, 404, path)
  })

  test('409 where Envoys of two gateways have the id', async () => {
    const { status, body } = await get('same/config')
    assert.equal(status, 409)
    assert.match(body.detail, /edge, other/)
  })
})
