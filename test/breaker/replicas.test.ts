import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Redis } from 'ioredis'
import { createBreakers } from '../../src/breaker/breakers.ts'
import { createRedisBreakerStore, readNews } from '../../src/breaker/stores/redis-store.ts'
import type { Event } from '../../src/observe.ts'
import { breakerPrefix } from '../../src/ratelimit/stores/redis/counter-key.ts'
import { openRedisLink } from '../../src/ratelimit/stores/redis/open-link.ts'
import { subscribe } from '../../src/ratelimit/stores/redis/subscription.ts'
import { clientsOf, shop } from '../support/breaker-requests.ts'
import { until } from '../support/until.ts'
import { startValkey } from '../support/valkey.ts'

const prefix = breakerPrefix(Buffer.alloc(16))
const note = { author: 'ada', message: '' }
const rule = { ...shop, open: 1_000_000 }

/** A replica as it is started, at a real store; `lookMs` is how long a transition takes that is not heard. */
async function startReplica(running: AsyncDisposableStack, url: string, lookMs = 3_600_000) {
  const link = openRedisLink(url)
  assert.deepEqual(await link.check(10_000), { reached: true })
  const events: Event[] = []
  const breakers = createBreakers({
    store: createRedisBreakerStore({ link, prefix }),
    clocks: { wall: () => Date.now() * 1_000, monotonic: () => Math.floor(performance.now() * 1_000) },
    observe: (event) => void events.push(event),
    timeoutMs: 2_000,
    trouble: () => undefined,
    lookMs,
  })
  const subscription = subscribe({
    connect: link.connection,
    channel: prefix,
    onMessage: (text) => breakers.hear(readNews(text)!),
    onHeard: () => void breakers.readAll(),
  })
  running.defer(async () => {
    await breakers.close()
    subscription.close()
    link.close()
  })
  await until('it hears', () => subscription.trouble() === undefined)
  breakers.setBreakers(new Map([['shop', rule]]))
  const moves: string[] = []
  breakers.follow(({ from, to }) => moves.push(`${from} ${to}`))
  return { breakers, subscription, events, moves, ...clientsOf(breakers) }
}

type Replica = Awaited<ReturnType<typeof startReplica>>

/** Opens it by outcomes at both, lets one probe of many go, and has that close it. */
async function live([one, other]: readonly [Replica, Replica]): Promise<void> {
  const both = [one, other]
  await until('both know it', async () => {
    const gens = await Promise.all(both.map(({ ask }) => ask()))
    return gens.every(({ gen }) => gen === gens[0]!.gen && gen !== undefined)
  })
  await one.requests(5, 'fail')
  await other.requests(4, 'ok')
  await until('outcomes of both are there', async () => {
    return (await one.breakers.find('shop'))?.outcomes.of === 9
  })
  await other.requests(1, 'fail')
  for (const { moves } of both) await until('all know it', () => moves.at(-1) === 'closed open')
  const gens: string[] = []
  await until('a probe goes', async () => {
    const answers = await Promise.all(both.flatMap(({ ask }) => Array.from({ length: 10 }, () => ask())))
    gens.push(...answers.flatMap(({ gen }) => gen ?? []))
    return gens.length > 0
  })
  const more = await Promise.all(both.flatMap(({ ask }) => Array.from({ length: 10 }, () => ask())))
  assert.deepEqual([gens.length, more.filter(({ gen }) => gen !== undefined)], [1, []])
  // The replica that is told need not be the one that was asked.
  for (const { report } of both) await report(gens[0]!, 'ok')
  for (const { ask } of both) await until('requests go', async () => /^\d+$/.test((await ask()).gen ?? ''))
  for (const { moves } of both)
    assert.deepEqual(moves.slice(-3), ['closed open', 'open half_open', 'half_open closed'])
  const made = both.flatMap(({ events }) => events).filter(({ event }) => event === 'breaker_moved')
  assert.equal(made.length % 3, 0)
}

describe('two replicas', () => {
  test('have one breaker in one Valkey; by push alone', async () => {
    await using running = new AsyncDisposableStack()
    const valkey = await startValkey()
    running.defer(valkey.stop)
    const url = `redis://127.0.0.1:${valkey.port}`
    const both = [await startReplica(running, url), await startReplica(running, url)] as const
    await live(both)
    await live(both)
    // Another fleet on this store has its own.
    const admin = new Redis({ host: '127.0.0.1', port: valkey.port })
    running.defer(() => admin.disconnect())
    assert.deepEqual(await admin.keys('*'), [`${prefix}shop`])
    assert.notEqual(breakerPrefix(Buffer.alloc(16, 1)), prefix)
  })

  test('hear again when their connection was cut, and know then what was told meanwhile', async () => {
    await using running = new AsyncDisposableStack()
    const valkey = await startValkey()
    const admin = new Redis({ host: '127.0.0.1', port: valkey.port })
    running.defer(async () => {
      admin.disconnect()
      await valkey.stop()
    })
    const url = `redis://127.0.0.1:${valkey.port}`
    const [one, other] = [await startReplica(running, url), await startReplica(running, url)]
    await Promise.all([one.ask(), other.ask()])
    // Nobody may listen for a while.
    await admin.call('CONFIG', 'SET', 'maxclients', '3')
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until('nobody hears', () => [one, other].every((each) => each.subscription.trouble() !== undefined))
    await one.breakers.set('shop', { to: 'open', note })
    assert.match((await other.ask()).gen!, /^\d+$/)
    await admin.call('CONFIG', 'SET', 'maxclients', '100')
    await until('it is refused', async () => (await other.ask()).retryAfter !== undefined)
    assert.deepEqual(other.moves, ['closed open'])
  })

  test('find a transition within a second that they do not hear', async () => {
    await using running = new AsyncDisposableStack()
    const valkey = await startValkey()
    running.defer(valkey.stop)
    const url = `redis://127.0.0.1:${valkey.port}`
    const [one, deaf] = [await startReplica(running, url), await startReplica(running, url, 1_000)]
    deaf.subscription.close()
    await deaf.ask()
    await one.breakers.set('shop', { to: 'open', note })
    await until('it is refused', async () => (await deaf.ask()).retryAfter !== undefined)
    await one.breakers.set('shop', { to: 'closed', note })
    await until('it is admitted', async () => (await deaf.ask()).gen !== undefined)
  })

  test('keep what is held by hand over a store that loses everything', async () => {
    await using running = new AsyncDisposableStack()
    const valkey = await startValkey()
    running.defer(valkey.stop)
    const url = `redis://127.0.0.1:${valkey.port}`
    const [one, other] = [await startReplica(running, url, 100), await startReplica(running, url, 100)]
    await one.breakers.set('shop', { to: 'open', note })
    await until('both know it', async () => (await other.ask()).retryAfter !== undefined)
    const admin = new Redis({ host: '127.0.0.1', port: valkey.port })
    running.defer(() => admin.disconnect())
    await admin.flushall()
    await until('it is there again', async () => (await admin.exists(`${prefix}shop`)) === 1)
    const view = await other.breakers.find('shop')
    assert.deepEqual([view?.state?.name, view?.state?.hold, view?.state?.note], ['open', 'hand', note])
  })

  test('keep it also where one that never heard of it asks the empty store first', async () => {
    await using running = new AsyncDisposableStack()
    const valkey = await startValkey()
    running.defer(valkey.stop)
    const url = `redis://127.0.0.1:${valkey.port}`
    const one = await startReplica(running, url)
    await one.breakers.set('shop', { to: 'open', note })
    const admin = new Redis({ host: '127.0.0.1', port: valkey.port })
    running.defer(() => admin.disconnect())
    await admin.flushall()
    const other = await startReplica(running, url)
    assert.notEqual((await other.ask()).gen, undefined)
    const view = await one.breakers.find('shop')
    assert.deepEqual([view?.state?.name, view?.state?.hold, view?.state?.note], ['open', 'hand', note])
    await until('the other is told', async () => (await other.ask()).retryAfter !== undefined)
    assert.deepEqual([one.moves.at(-1), other.moves], ['closed open', ['closed open']])
  })
})
