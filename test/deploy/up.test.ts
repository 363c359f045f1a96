import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { composeVariables } from '../support/compose/read.ts'
import { composeUp, type RunningCompose } from '../support/compose/up.ts'
import { send } from '../support/http.ts'
import { weir } from '../support/run-weir.ts'
import { until } from '../support/until.ts'

const limit = 10
const edges = ['edge-1', 'edge-2']

describe('the services of docker-compose.yml, as processes', () => {
  let up: RunningCompose
  before(async () => {
    up = await composeUp()
    // Envoy is ready a moment before its workers accept connections.
    await until('the gateway accepts', () =>
      ask('/', '127.0.0.3').then(
        () => true,
        () => false,
      ),
    )
  })
  after(() => up?.down())

  const ask = (path = '/', from = '127.0.0.1') => send(up.port('edge-1', 10000), { path, from })

  /** Requests under way in an Envoy, and how many it has had. */
  async function requests(edge: string): Promise<{ active: number; total: number }> {
    const filter = encodeURIComponent('^http\\..*\\.downstream_rq_(active|total)$')
    const { body } = await send(up.port(edge, 9901), { path: `/stats?filter=${filter}` })
    const sum = (name: string) =>
      [...body.matchAll(new RegExp(`^http\\.(?!admin\\.).*\\.downstream_rq_${name}: (\\d+)$`, 'gm'))]
        .map(([, value]) => Number(value))
        .reduce((all, value) => all + value, 0)
    return { active: sum('active'), total: sum('total') }
  }

  test('both Envoys are in the fleet', async () => {
    const { code, stdout, stderr } = await weir(['fleet', '--output', 'json'], {
      environment: {
        WEIR_URL: `http://127.0.0.1:${up.port('weir', 8080)}`,
        WEIR_ADMIN_TOKEN: composeVariables.WEIR_ADMIN_TOKEN,
      },
    })
    assert.equal(code, 0, stderr)
    const fleet: { id: string; state: string }[] = JSON.parse(stdout).items ?? JSON.parse(stdout)
    assert.deepEqual(
      fleet.map(({ id, state }) => [id, state]).sort(),
      edges.map((id) => [id, 'connected']),
    )
  })

  test('a client gets its ten answers, then 429, whichever Envoy it asks', async () => {
    let passed = 0
    for (;;) {
      const { status, body } = await ask()
      if (status === 429) break
      assert.equal(status, 200)
      assert.equal(JSON.parse(body).service, 'echo')
      passed++
    }
    // A minute may have begun meanwhile.
    assert.ok(passed >= limit && passed < 2 * limit, String(passed))
    await until('both have been asked', async () => {
      await ask()
      return (await Promise.all(edges.map(requests))).every(({ total }) => total > 0)
    })
  })

  test('SIGTERM ends both Envoys with 0, and what is under way ends well', async () => {
    const underWay = Array.from({ length: 8 }, () => ask('/?delay=1500', '127.0.0.2'))
    await until('all are under way', async () => {
      const active = await Promise.all(edges.map(requests))
      return active.reduce((all, { active }) => all + active, 0) === underWay.length
    })
    for (const edge of edges) up.services[edge]!.signal('SIGTERM')
    assert.deepEqual(
      (await Promise.all(underWay)).map(({ status }) => status),
      underWay.map(() => 200),
    )
    for (const edge of edges) assert.equal(await up.services[edge]!.exited, 0, up.services[edge]!.log())
    await assert.rejects(ask(), { code: 'ECONNREFUSED' })
  })

  test('then weir and the service end with 0', async () => {
    for (const name of ['weir', 'echo']) {
      up.services[name]!.signal('SIGTERM')
      assert.equal(await up.services[name]!.exited, 0, up.services[name]!.log())
    }
  })
})
