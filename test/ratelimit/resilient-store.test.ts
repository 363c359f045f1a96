import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Redis } from 'ioredis'
import { WeirError } from '../../src/errors.ts'
import { createResilientStore } from '../../src/ratelimit/stores/resilient/resilient-store.ts'
import { hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'
import { inWindow, type Load, load, openReplica, type Replica } from '../support/replica.ts'
import { until } from '../support/until.ts'
import { startValkey } from '../support/valkey.ts'

const windowMs = 1_000
const limit = 21
const windowNow = () => Math.floor(Date.now() / windowMs)
let runs = 0

/** Two replicas, a and b, on a Valkey of their own. */
async function openFleet() {
  const valkey = await startValkey(['--busy-reply-threshold', '20'])
  const admin = new Redis({ host: '127.0.0.1', port: valkey.port })
  admin.on('error', () => undefined)
  const fleet = await Promise.all(['a', 'b'].map((id) => openReplica(valkey.port, id)))
  const allAt = (rung: string) =>
    until(`all at ${rung}`, () => fleet.every((replica) => replica.rung() === rung))
  const knows = ({ store }: Replica) => store.state().record?.replicas.join() === 'a,b'
  await until('each knows the other', () => fleet.every(knows))
  await allAt('store')
  const loads: Load[] = []
  const opened = {
    valkey,
    admin,
    fleet,
    allAt,
    /** Load on both, on one counter. */
    load() {
      const hit = hitOn(`key ${runs++}`, fixed(limit, windowMs))
      const begun = fleet.map((replica) => load(replica, hit, windowMs))
      loads.push(...begun)
      return begun
    },
    /** Windows in which the store alone decides are exact. A machine that pauses for long takes it away once more. */
    async exactAgain(loads: readonly Load[]): Promise<void> {
      const changes = () => fleet.map((replica) => replica.rungs().length).join()
      for (let tries = 0; tries < 5; tries++) {
        await allAt('store')
        const before = changes()
        const first = windowNow() + 1
        await window(first + 2)
        if (changes() !== before) continue
        assert.deepEqual([inWindow(loads, first), inWindow(loads, first + 1)], [limit, limit])
        return
      }
      throw new Error('the store does not stay')
    },
    async close() {
      for (const each of loads) await each.stop()
      for (const replica of fleet) await replica.close()
      admin.disconnect()
      await opened.valkey.stop()
    },
  }
  return opened
}

type Fleet = Awaited<ReturnType<typeof openFleet>>

const window = (number: number) => until(`window ${number}`, () => windowNow() >= number)

interface Outage {
  begin(fleet: Fleet): Promise<unknown>
  end(fleet: Fleet): Promise<unknown>
  /** How calls fail. */
  kind: string
}

const outages: Record<string, Outage> = {
  frozen: {
    begin: async ({ valkey }) => process.kill(valkey.pid, 'SIGSTOP'),
    end: async ({ valkey }) => process.kill(valkey.pid, 'SIGCONT'),
    kind: 'timeout',
  },
  'without memory (OOM)': {
    begin: ({ admin }) => admin.config('SET', 'maxmemory', '1'),
    end: ({ admin }) => admin.config('SET', 'maxmemory', '0'),
    kind: 'oom',
  },
  'a replica (READONLY)': {
    begin: ({ admin }) => admin.replicaof('127.0.0.1', 1),
    end: ({ admin }) => admin.replicaof('NO', 'ONE'),
    kind: 'readonly',
  },
  'occupied by a script (BUSY)': {
    async begin({ admin, allAt }) {
      const client = admin.duplicate()
      client.eval('while true do end', 0).catch(() => client.disconnect())
      await allAt('away')
    },
    end: ({ admin }) => admin.script('KILL'),
    kind: 'busy',
  },
  'stopped, and empty afterwards': {
    begin: ({ valkey }) => valkey.stop(),
    async end(fleet) {
      const { port } = fleet.valkey
      fleet.valkey = { ...(await startValkey(['--port', String(port)])), port }
    },
    kind: 'closed',
  },
}

describe('a store is away for two replicas: none waits, within the bounds, exact again', {
  concurrency: true,
}, () => {
  for (const [what, { begin, end, kind }] of Object.entries(outages)) {
    test(what, async () => {
      const opened = await openFleet()
      const { fleet, allAt } = opened
      const loads = opened.load()
      try {
        const failing = windowNow() + 2
        await window(failing)
        await begin(opened)
        await allAt('away')
        for (const { store } of fleet) assert.deepEqual(store.state().record?.replicas, ['a', 'b'])
        await window(failing + 3)
        await end(opened)
        await opened.exactAgain(loads)
        assert.equal(inWindow(loads, failing - 1), limit)
        assert.ok(inWindow(loads, failing) <= 2 * limit, `${inWindow(loads, failing)}`)
        for (const later of [failing + 1, failing + 2]) assert.equal(inWindow(loads, later), limit)
        // The window of the recovery, too: what was counted alone is added before the store decides.
        for (let later = failing + 3; later < windowNow(); later++) {
          assert.ok(inWindow(loads, later) <= limit, `${inWindow(loads, later)}`)
        }
        // One that waited for the store would have waited for seconds; so long does no pause of a busy machine last.
        for (const each of loads) assert.ok(each.longest() < 1_500, `${each.longest()} ms`)
        for (const replica of fleet) {
          assert.ok(replica.failures().has(kind as never), [...replica.failures()].join())
          // Only what was sent before it was known to be away has waited, of some 2,000 while it was.
          assert.ok(replica.waited() < 800, `${replica.waited()}`)
          assert.deepEqual(replica.rungs().slice(-3), ['away', 'joining', 'store'])
        }
      } finally {
        await opened.close()
      }
    })
  }
})

describe('two replicas on one Valkey', () => {
  let opened: Fleet
  beforeEach(async () => {
    opened = await openFleet()
  })
  afterEach(() => opened.close())

  test('one that is cut off alone admits its share beyond the limit at most', async () => {
    const loads = opened.load()
    const failing = windowNow() + 2
    await window(failing)
    await until('all of the window is taken', () => inWindow(loads, failing) === limit)
    opened.fleet[0]!.cut(true)
    await until('a is away', () => opened.fleet[0]!.rung() === 'away')
    await window(failing + 2)
    assert.equal(opened.fleet[1]!.rung(), 'store')
    opened.fleet[0]!.cut(false)
    await opened.exactAgain(loads)
    assert.equal(inWindow(loads, failing), limit + Math.ceil(limit / 2))
    assert.equal(inWindow(loads, failing + 1), limit + Math.ceil(limit / 2))
    assert.ok(inWindow(loads, failing + 2) <= limit + Math.ceil(limit / 2))
  })

  test('connections that are cut come back', async () => {
    const loads = opened.load()
    await window(windowNow() + 1)
    for (let cut = 0; cut < 3; cut++) {
      await opened.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await until('a failure is seen', () =>
        opened.fleet.every((replica) => replica.failures().has('closed')),
      )
    }
    await opened.exactAgain(loads)
    for (const count of new Set(loads.flatMap(({ admitted }) => [...admitted.keys()])))
      assert.ok(inWindow(loads, count) <= 2 * limit)
  })

  test('the share of a window is spent once, over repeated outages, and added once', async () => {
    const [a, b] = opened.fleet as [Replica, Replica]
    const hit = hitOn(`key ${runs++}`, fixed(10, 3_600_000))
    const asked = async (replica: Replica, times: number) => {
      let admitted = 0
      for (let count = 0; count < times; count++) {
        if ((await replica.store.take([hit])).admitted) admitted++
      }
      return admitted
    }
    for (let outage = 0; outage < 3; outage++) {
      a.cut(true)
      assert.equal(await asked(a, 4), outage === 0 ? 4 : outage === 1 ? 1 : 0)
      assert.equal(a.rung(), 'away')
      a.cut(false)
      await until('a is back', () => a.rung() === 'store')
      const view = await b.store.peek('p', hit.counter, hit.rule)
      assert.equal(view?.used, outage === 0 ? 4 : 5)
    }
    assert.equal(await asked(b, 10), 5)
    assert.equal(await asked(a, 1), 0)
  })

  test('what people ask for while the store is away: why, and no wrong number', async () => {
    const [a] = opened.fleet as [Replica]
    const hit = hitOn(`key ${runs++}`, fixed(10, 3_600_000))
    a.cut(true)
    await a.store.take([hit])
    const { outcomes } = await a.store.look([hit])
    assert.equal(outcomes[0]!.fallback?.why, 'cannot be reached')
    assert.equal(outcomes[0]!.remaining, 4)
    const refused = (error: unknown) => error instanceof WeirError && error.code === 'unavailable'
    await assert.rejects(async () => a.store.peek('p', hit.counter, hit.rule), refused)
    await assert.rejects(async () => a.store.reset('p', hit.counter, hit.rule), refused)
    await assert.rejects(async () => a.store.grant('p', hit.counter, hit.rule, 1), refused)
    const { rung, why, unmerged, overAdmission } = a.store.state()
    assert.deepEqual([rung, why, unmerged], ['away', 'the store cannot be reached', 1])
    assert.equal(overAdmission.ratio, 0.5)
  })

  test('one that starts while the store is away has no share, and says so', async () => {
    const away = createResilientStore({
      primary: opened.fleet[0]!.store,
      link: { run: () => Promise.reject(new Error('connect ECONNREFUSED')) },
      id: 'away',
      clocks: { wall: () => Date.now() * 1_000, monotonic: () => Math.floor(performance.now() * 1_000) },
      observe: () => undefined,
      maxCounters: 10,
    })
    await away.started
    const { admitted, outcomes } = await away.take([hitOn('any', fixed(10))])
    assert.ok(!admitted)
    assert.equal(outcomes[0]!.fallback?.place, undefined)
    assert.match(away.state().overAdmission.text, /no share/)
    await away.close()
  })

  test('the record has who lives: one leaves it, one is missed after a while', async () => {
    const [a, b] = opened.fleet as [Replica, Replica]
    const number = () => a.store.state().record!.number
    const replicas = () => a.store.state().record!.replicas.join()
    const first = number()
    await b.close()
    await until('b has left', () => replicas() === 'a')
    const c = await openReplica(opened.valkey.port, 'c')
    await until('c is there', () => replicas() === 'a,c')
    c.cut(true)
    await until('c is missed', () => replicas() === 'a')
    assert.equal(number(), first + 3)
    // What was known last stays known to one that is away.
    assert.deepEqual(c.store.state().record?.replicas, ['a', 'c'])
    await c.close()
  })
})
