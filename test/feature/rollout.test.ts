import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, route } from '../support/edge.ts'
import { type EventClient, readEvents } from '../support/event-client.ts'
import { weir } from '../support/run-weir.ts'
import { type StagedEdge, startStagedEdge, watched } from '../support/staged-edge.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const waves = [{ nodes: { track: 'canary' } }, { percent: 100 }]
const gate = { settle: '2s', maxErrorRateIncrease: 1 }

let good: Upstream
let bad: Upstream
let edge: StagedEdge
let readers: EventClient[] = []
before(async () => {
  good = await startUpstream('good')
  bad = await startUpstream('bad', (response) => response.writeHead(500).end())
  const documents = [cluster('good', good), cluster('bad', bad), to('good')]
  edge = await startStagedEdge({ rollout: { waves, gate }, documents })
  readers = await Promise.all(edge.weirs.map((each) => readEvents(each, '?types=rollout_moved&gateway=edge')))
})
after(async () => {
  for (const reader of readers) reader.close()
  await edge?.stop()
  await good?.close()
  await bad?.close()
})

const to = (name: string) => route('all', '/', { forward: [{ cluster: name }] })

async function revisionOf(id: string): Promise<number> {
  for (const weir of edge.weirs) {
    const { items } = (await weir.api('GET', '/v1/fleet')).body
    const found = items.find(
      (each: { id: string; state: string }) => each.id === id && each.state === 'connected',
    )
    if (found !== undefined) return found.types.route.revision
  }
  return 0
}

describe('a gateway whose revisions go in waves', () => {
  test('a route to an upstream that answers 500 comes to the canary and no further, and is reverted', async () => {
    const was = await edge.rollout()
    assert.deepEqual([was.state, was.revision], ['done', 1])
    const [canary, other] = [
      watched(edge.canary, '/', '"cluster":"bad"'),
      watched(edge.other, '/', '"cluster":"bad"'),
    ]

    await until('it is known that there are requests', async () => {
      return (await edge.rollout()).figures.before.requests >= 20
    })

    const answer = await edge.weirs[0]!.api('POST', '/v1/apply?wait=acked&timeout=60s', to('bad'))
    // The replica whose Envoy never had it says the same.
    const told = await edge.rollout(edge.weirs[1])
    const [seenByCanary, seenByOther] = [await canary.stop(), await other.stop()]

    assert.equal(answer.status, 200)
    assert.equal(answer.body.delivery.state, 'nacked')
    const [receipt] = answer.body.delivery.rollouts
    assert.deepEqual([receipt.state, receipt.revision, receipt.base], ['reverted', 2, 1])
    assert.match(
      receipt.reason,
      // On a busy machine what the other said may not have come in time.
      /^wave 1 \(track=canary\): error rate \d+\.\d% of \d+ requests(, 0\.0% of the Envoys without it|, 0\.0% before)?; 1 points more/,
    )
    assert.equal(told.reason, receipt.reason)
    assert.deepEqual([seenByOther.held, Object.keys(seenByOther.statuses)], [false, ['200']])
    assert.equal(seenByCanary.held, true)
    assert.ok(seenByCanary.statuses[500]! > 10 && seenByCanary.statuses[200]! > 10)
    assert.equal(await edge.canary.status(), 200)
    assert.equal(await revisionOf('edge-other'), 1)
    assert.equal(bad.seen.length, seenByCanary.statuses[500])
  })

  test('readers of the events saw it begin and end, at both replicas', async () => {
    for (const reader of readers) {
      await reader.event((event) => event.type === 'rollout_moved' && event.state === 'reverted')
      const told = reader.events.flatMap((event) => (event.type === 'rollout_moved' ? [event] : []))
      const [first, last] = [told[0]!, told.at(-1)!]
      assert.deepEqual([first.state, first.revision, first.base, first.wave], ['running', 2, 1, 1])
      assert.deepEqual([last.state, last.revision, last.base, last.wave], ['reverted', 2, 1, 1])
      assert.equal(last.reason, (await edge.rollout()).reason)
    }
  })

  test('the history says that it is not in force, and why', async () => {
    const { items } = (await edge.weirs[1]!.api('GET', '/v1/revisions')).body
    const [newest] = items
    assert.equal(newest.revision, 2)
    assert.equal(newest.rollouts[0].state, 'reverted')
    assert.match(newest.rollouts[0].reason, /^wave 1/)
    assert.deepEqual([newest.rollouts[0].gateway, newest.rollouts.length], ['edge', 1])
  })

  test('the command line says it, too', async () => {
    const environment = { WEIR_URL: edge.weirs[0]!.url, WEIR_ADMIN_TOKEN: edge.weirs[0]!.token }
    const printed = async (...args: string[]) => (await weir(args, { environment })).stdout
    const line = /edge: revision 2 is reverted, the Envoys are at 1: wave 1 \(track=canary\): error rate/
    const status = await printed('rollout', 'status')
    assert.match(status, line)
    assert.match(status, /^edge +reverted +2 +1 +1\/2 track=canary +\d/m)
    assert.match(await printed('fleet'), line)
    assert.match(await printed('history'), /^revision 2 was reverted at edge: wave 1/m)
    const { state, driver } = JSON.parse(await printed('rollout', 'status', 'edge', '-o', 'json'))
    assert.equal(state, 'reverted')
    assert.match(driver, / on /)
    const refused = await weir(['rollout', 'halt', 'edge'], { environment })
    assert.deepEqual(
      [refused.code, refused.stderr],
      [1, 'weir: the rollout of edge is reverted; it cannot halt.\n'],
    )
    const missing = await weir(['rollout', 'status', 'nowhere'], { environment })
    assert.deepEqual(
      [missing.code, missing.stderr.startsWith('weir: There is no Gateway/nowhere')],
      [1, true],
    )
  })

  test('the next write begins anew, and goes to all when its waves are through', async () => {
    const better = route('all', '/', { forward: [{ cluster: 'good' }], match: { path: { prefix: '/' } } })
    const written = [better, route('new', '/new', { forward: [{ cluster: 'good' }] })]
    // Waves whose Envoys are asked nothing take longer.
    const asked = [watched(edge.canary, '/', 'x'), watched(edge.other, '/', 'x')]
    const answer = await edge.weirs[1]!.api('POST', '/v1/apply?wait=acked&timeout=60s', written)
    assert.deepEqual([answer.status, answer.body.delivery.state], [200, 'acked'])
    await until('it is done', async () => (await edge.rollout()).state === 'done', 120)
    for (const each of asked) await each.stop()
    const { revision, base, reason } = await edge.rollout()
    assert.deepEqual([revision, base, reason], [3, 3, 'all waves are through'])
  })

  test('endpoints are not held back', async () => {
    const moved = await startUpstream('moved')
    await edge.weirs[0]!.apply(cluster('good', moved))
    assert.equal((await edge.rollout()).state, 'done')
    await until('both ask it', async () => {
      await Promise.all([edge.canary.status(), edge.other.status()])
      return moved.seen.length >= 2
    })
    await edge.weirs[0]!.apply(cluster('good', good))
    await moved.close()
  })

  test('a person halts, resumes, aborts and promotes; a 409 says what cannot be', async () => {
    const act = async (action: string) => {
      const body = JSON.stringify({ action })
      const response = await fetch(`${edge.weirs[0]!.url}/v1/gateways/edge/rollout`, {
        method: 'POST',
        headers: { authorization: `Bearer ${edge.weirs[0]!.token}`, 'content-type': 'application/json' },
        body,
      })
      return { status: response.status, body: (await response.json()) as { state?: string; detail?: string } }
    }
    const refused = await act('halt')
    assert.deepEqual(
      [refused.status, refused.body.detail],
      [409, 'the rollout of edge is done; it cannot halt.'],
    )
    await edge.weirs[0]!.api(
      'PUT',
      '/v1/routes/new',
      route('new', '/newer', { forward: [{ cluster: 'good' }] }),
    )
    await until('the canary has it', async () => (await edge.rollout()).state === 'running')
    const halted = await act('halt')
    assert.deepEqual([halted.status, halted.body.state], [200, 'halted'])
    assert.equal((await act('resume')).body.state, 'running')
    assert.equal((await act('abort')).body.state, 'reverting')
    await until('all are back', async () => (await edge.rollout()).state === 'reverted')
    assert.equal((await edge.rollout()).reason, 'aborted by hand')
    assert.equal((await act('promote')).body.state, 'done')
    await until('the other has it', async () =>
      JSON.stringify(await edge.other.envoy.configDump()).includes('/newer'),
    )
  })
})
