import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { kinds } from '../../src/policies/index.ts'
import { arbitrarySteps, type Step, type Write } from '../support/arbitrary-writes.ts'
import { freePort } from '../support/ports.ts'
import { startTwoReplicas, type TwoReplicas } from '../support/two-replicas.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import type { Weir } from '../support/weir.ts'

/** WEIR_LONG=1 makes a thousand sequences, or so many as WEIR_SEQUENCES says; WEIR_SEED repeats a run. */
const long = process.env.WEIR_LONG === '1'
const seed = Number(process.env.WEIR_SEED ?? (long ? Date.now() % 2 ** 31 : 20_260_103))
const count = Number(process.env.WEIR_SEQUENCES ?? (long ? 1_000 : 15))
/** Of so many sequences one begins with a replica that ends, by either signal, and comes back. */
const restartEvery = long ? 40 : 10

let upstreams: Upstream[] = []
let replicas: TwoReplicas
let sequences: Step[][]

before(async () => {
  upstreams = await Promise.all(['first', 'second'].map((name) => startUpstream(name)))
  const ports = await Promise.all(Array.from({ length: 5 }, freePort))
  // The last is of no service: who checks finds it unhealthy.
  const services = [...upstreams.map(({ port }) => port), await freePort()]
  sequences = fc.sample(arbitrarySteps(ports, services), { seed, numRuns: count })
  replicas = await startTwoReplicas()
  // Envoy 1.40 does not come up at all when a cluster of its first answer becomes one of another type meanwhile.
  const listeners = [{ name: 'http', port: ports[1], protocol: 'http' }]
  await replicas.weirs[0]!.apply({ kind: 'Gateway', name: 'edge', spec: { listeners } })
  await replicas.check()
})

after(async () => {
  await replicas?.stop()
  for (const upstream of upstreams) await upstream.close()
})

const plurals = new Map(kinds.map(({ kind, plural }) => [kind, plural]))

/** Every answer by what was asked and its status. */
const outcomes: Record<string, number> = {}

async function send(weir: Weir, write: Write): Promise<void> {
  const [asked] = Object.keys(write) as [string]
  const { status, body } = await ask(weir, write)
  const refused = [404, 409, 422].includes(status)
  assert.ok(status === 200 || refused, `${status} ${JSON.stringify(body)} to ${JSON.stringify(write)}`)
  const outcome = `${asked} ${refused ? 'refused' : 'made'}`
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
}

async function ask(weir: Weir, write: Write) {
  const url = ({ kind, name }: { kind: string; name: string }) => `/v1/${plurals.get(kind)}/${name}`
  if ('apply' in write) return weir.api('POST', `/v1/apply?prune=${write.prune}`, write.apply)
  if ('put' in write) return weir.api('PUT', url(write.put), write.put)
  if ('remove' in write) return weir.api('DELETE', url(write.remove))
  if ('patch' in write) {
    const { spec, ...object } = write.patch
    return weir.api('PATCH', url(object), JSON.stringify({ spec }))
  }
  const { items } = (await weir.api('GET', '/v1/revisions')).body
  const revision = Math.max(1, (items[0]?.revision ?? 1) - write.restore.back)
  return weir.api('POST', `/v1/revisions/${revision}/restore`)
}

/** The first of two concurrent writes alternates between the replicas. */
async function run(steps: readonly Step[]): Promise<void> {
  for (const [index, { writes, cut }] of steps.entries()) {
    const sent = writes.map((write, writer) => send(replicas.weirs[(index + writer) % 2]!, write!))
    if (cut !== undefined) replicas.cut(cut)
    await Promise.all(sent)
  }
}

async function checked(index: number): Promise<void> {
  const steps = sequences[index]!
  try {
    if (index % restartEvery === restartEvery - 1) {
      const replica = index % (2 * restartEvery) < restartEvery ? 0 : 1
      await replicas.restart(replica, index % (4 * restartEvery) < 2 * restartEvery ? 'SIGKILL' : 'SIGTERM')
    }
    await run(steps)
    await replicas.check()
  } catch (error) {
    const told = steps.map((step) => JSON.stringify(step)).join('\n')
    throw new Error(`sequence ${index} of WEIR_SEED=${seed}:\n${told}`, { cause: error })
  }
}

test(`after each of ${count} sequences of writes every Envoy holds what is stored, compiled`, async (t) => {
  for (const index of sequences.keys()) {
    await checked(index)
    if (long && index % 50 === 49) t.diagnostic(`${index + 1} sequences of seed ${seed}`)
  }
  t.diagnostic(JSON.stringify(outcomes))
  // Which of two concurrent writes is refused is a matter of chance, so that only the whole is counted.
  const all = (end: string) =>
    Object.entries(outcomes).reduce((sum, [name, times]) => sum + (name.endsWith(end) ? times : 0), 0)
  assert.ok(all('made') > count && all('refused') > count / 2, JSON.stringify(outcomes))
})
