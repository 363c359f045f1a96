import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cluster, route } from '../support/edge.ts'
import { type StagedEdge, startStagedEdge } from '../support/staged-edge.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const waves = [{ nodes: { track: 'canary' } }, { percent: 100 }]

let upstream: Upstream
let edge: StagedEdge
before(async () => {
  upstream = await startUpstream('a')
  const rollout = { waves, gate: { settle: '5s' } }
  edge = await startStagedEdge({
    rollout,
    documents: [cluster('a', upstream), route('all', '/')],
    roam: true,
  })
})
after(async () => {
  await edge?.stop()
  await upstream?.close()
})

test('the replica that drives a rollout is killed in the middle of a wave, and another one finishes it', async () => {
  const drivenBy = async (index: number) => {
    const { driver } = await edge.rollout(edge.weirs[index])
    return edge.weirs.findIndex(({ xdsPort }) => driver?.includes(`:${xdsPort} on`))
  }
  let driving = -1
  await until('both name the same driver', async () => {
    driving = await drivenBy(0)
    return driving >= 0 && (await drivenBy(1)) === driving
  })
  const [driver, survivor] = [edge.weirs[driving]!, edge.weirs[1 - driving]!]

  await driver.api('PUT', '/v1/routes/new', route('new', '/new'))
  await until('the canary has it and is watched', async () => {
    const { state, wave } = await edge.rollout(survivor)
    return state === 'running' && wave?.number === 1 && wave.phase === 'settling'
  })
  await driver.end('SIGKILL')

  // Envoys of the killed one come to the survivor.
  await until('it is done', async () => (await edge.rollout(survivor)).state === 'done', 60)
  const { revision, base, driver: last } = await edge.rollout(survivor)
  assert.deepEqual([revision, base], [2, 2])
  assert.match(last!, new RegExp(`:${survivor.xdsPort} on`))
  for (const { envoy } of [edge.canary, edge.other]) {
    await until(`${envoy.id} has it`, async () => JSON.stringify(await envoy.configDump()).includes('"/new"'))
  }
  const moves = survivor
    .output()
    .split('\n')
    .filter((line) => line.includes('"msg":"rollout_moved"'))
  assert.match(moves.at(-1)!, /"state":"done"/)
})
