import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createReplicas } from '../../src/control/replicas.ts'
import { WeirError } from '../../src/errors.ts'
import type { KnownReplica, ReplicaExchange } from '../../src/model/replica.ts'
import type { Event } from '../../src/observe.ts'

const other = (revision: number, live = true): KnownReplica => ({ id: 'b', name: 'b:1', revision, live })

/** A replica `a` whose signs of life are asked for by hand. */
async function setUp() {
  const events: Event[] = []
  const said: ReplicaExchange[] = []
  const world = {
    rows: [] as KnownReplica[],
    counting: [] as string[],
    failure: undefined as Error | undefined,
    /** Holds answers back until it resolves. */
    gate: Promise.resolve(),
  }
  const replicas = await createReplicas({
    own: { id: 'a', name: 'a:1' },
    async table(exchange) {
      said.push(exchange)
      const { rows, failure } = world
      await world.gate
      if (failure !== undefined) throw failure
      const { own } = exchange
      return own === undefined ? rows : [{ ...own, live: true }, ...rows]
    },
    counting: () => world.counting,
    observe: (event) => void events.push(event),
    signMs: 3_600_000,
  })
  return { replicas, world, said, events }
}

const states = (list: readonly { id: string; state: string }[]) =>
  list.map(({ id, state }) => `${id} ${state}`).join()

const never = new AbortController().signal

test('who came since the last look is waited for, until it answers by the revision', async (t) => {
  const { replicas, world } = await setUp()
  t.after(replicas.close)
  replicas.serves(7)
  world.rows = [other(6)]
  const answer = replicas.reached(7, never)
  const early = await Promise.race([answer, new Promise((resolve) => setImmediate(resolve, 'waits'))])
  assert.equal(early, 'waits')
  world.rows = [other(7)]
  replicas.hint()
  assert.equal(states(await answer), 'a acked,b acked')
})

test('a hint that comes while the table is read leads to another look', async (t) => {
  const { replicas, world } = await setUp()
  t.after(replicas.close)
  replicas.serves(7)
  const { promise, resolve } = Promise.withResolvers<void>()
  world.rows = [other(6)]
  world.gate = promise
  const answer = replicas.reached(7, never)
  world.rows = [other(7)]
  replicas.hint()
  resolve()
  assert.equal(states(await answer), 'a acked,b acked')
})

test('one without a sign of life is not waited for, unless the store of the counters knows it to live', async (t) => {
  const { replicas, world } = await setUp()
  t.after(replicas.close)
  replicas.serves(7)
  world.rows = [other(6, false)]
  assert.equal(states(await replicas.reached(7, never)), 'a acked')
  world.counting = ['a', 'b', 'without a row']
  assert.equal(states(replicas.known(7)), 'a acked,b pending')
  const late = replicas.reached(7, AbortSignal.timeout(20))
  assert.equal(states(await late), 'a acked,b pending')
})

test('while the database is away what was known last holds, and nothing hangs', async (t) => {
  const { replicas, world, events } = await setUp()
  t.after(replicas.close)
  world.rows = [other(6)]
  replicas.serves(6)
  assert.equal(states(await replicas.reached(6, never)), 'a acked,b acked')
  world.failure = new WeirError('unavailable', 'gone')
  replicas.serves(7)
  assert.equal(states(await replicas.reached(7, AbortSignal.timeout(20))), 'a acked,b pending')
  assert.equal(states(await replicas.reached(7, AbortSignal.abort())), 'a acked,b pending')
  assert.deepEqual(events, [])
})

test('others are told of each new revision once, and of the end', async () => {
  const { replicas, said } = await setUp()
  replicas.serves(3)
  await replicas.reached(3, never)
  await replicas.close()
  const told = said.map(({ own, tell, leaving }) => [own!.revision, tell, leaving])
  assert.deepEqual(told, [
    [0, true, false],
    [3, true, false],
    [3, false, false],
    [3, true, true],
  ])
})
