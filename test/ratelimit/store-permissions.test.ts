import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { createRedisBreakerStore, readNews } from '../../src/breaker/stores/redis-store.ts'
import type { Event } from '../../src/observe.ts'
import { projectRoot } from '../../src/project-root.ts'
import { bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import { breakerPrefix } from '../../src/ratelimit/stores/redis/counter-key.ts'
import type { RedisLink } from '../../src/ratelimit/stores/redis/link.ts'
import { openRedisLink } from '../../src/ratelimit/stores/redis/open-link.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { aclRules, sentinelAclRules } from '../../src/ratelimit/stores/redis/server-check.ts'
import { subscribe } from '../../src/ratelimit/stores/redis/subscription.ts'
import { createResilientStore } from '../../src/ratelimit/stores/resilient/resilient-store.ts'
import { counterUnder, hitOn } from '../support/hits.ts'
import { fixed } from '../support/limit-rules.ts'
import { freePort } from '../support/ports.ts'
import { until } from '../support/until.ts'
import { startValkey } from '../support/valkey.ts'
import { startValkeyCluster } from '../support/valkey-cluster.ts'
import { startWatchedValkey } from '../support/valkey-sentinel.ts'

const day = 86_400_000

async function setUser(client: Redis, rules: string): Promise<void> {
  await client.call('ACL', 'SETUSER', 'weir', 'reset', 'on', '>hunter2', ...rules.split(' '))
}

/** What was refused to the user since. */
async function refusals(client: Redis): Promise<string[]> {
  const entries = (await client.call('ACL', 'LOG')) as string[][]
  return entries.map((entry) => entry[entry.indexOf('object') + 1]!)
}

/** A replica at the store, which can be cut off from it. */
async function openStore(running: AsyncDisposableStack, url: string) {
  const opened = openRedisLink(url)
  assert.deepEqual(await opened.check(10_000), { reached: true })
  let isCut = false
  const link: RedisLink = {
    ...opened,
    run: (...call) => (isCut ? Promise.reject(new Error('Connection is closed.')) : opened.run(...call)),
  }
  const events: Event[] = []
  const observe = (event: Event) => void events.push(event)
  const prefix = breakerPrefix(Buffer.alloc(16))
  const heard: string[] = []
  const subscription = subscribe({
    ...{ connect: opened.connection, channel: prefix, onHeard: () => {} },
    onMessage: (text) => void heard.push(text),
  })
  running.defer(subscription.close)
  const store = createResilientStore({
    ...{
      primary: createRedisStore({ link, observe }),
      link,
      observe,
      id: 'a',
      maxCounters: 100,
      timeoutMs: 1_000,
    },
    clocks: { wall: () => Date.now() * 1_000, monotonic: () => Math.floor(performance.now() * 1_000) },
    circuit: { firstProbeMs: 50, longestProbeMs: 100 },
  })
  running.defer(async () => {
    await store.close()
    opened.close()
  })
  await store.started
  return {
    ...{ store, events, heard },
    breakers: createRedisBreakerStore({ link: opened, prefix }),
    hears: () => until('it hears', () => subscription.trouble() === undefined),
    cut(cut: boolean) {
      isCut = cut
    },
  }
}

/** Whoever hears is told of a breaker, at whichever server it is. */
async function useBreaker({ breakers, heard, hears }: Opened): Promise<void> {
  await hears()
  const numbers = { errorRate: 50, window: 10, open: 1, probes: 1 }
  const hand = { to: 'open' as const, note: { author: 'ada', message: '' } }
  for (const cluster of ['one', 'two', 'three']) {
    const before = heard.length
    const { state } = await breakers.step({ cluster, numbers, known: undefined, call: { hand } })
    await until('it is told', () => heard.length > before)
    assert.deepEqual(readNews(heard.at(-1)!)?.state, state)
  }
}

type Opened = Awaited<ReturnType<typeof openStore>>

const has = ({ events }: Opened, name: Event['event']) =>
  until(name, () => events.some(({ event }) => event === name))

/** Everything that is ever asked of a store. */
async function useAll(opened: Opened): Promise<void> {
  const { store, cut } = opened
  await until('it decides', () => store.state().rung === 'store')
  const one = hitOn('one', fixed(2, day))
  const many = ['b', 'c', 'd', 'e'].map((name) => hitOn(name, fixed(3, day)))
  // Across slots, reserved and given back where the last refuses.
  assert.ok((await store.take([one, ...many])).admitted)
  assert.ok((await store.take([one, ...many])).admitted)
  await Promise.all(many.map((hit) => store.take([hit, ...many])))
  assert.ok(!(await store.take([one])).admitted)
  assert.ok(!(await store.look([one])).admitted)
  assert.equal((await store.peek('p', one.counter, one.rule))?.used, 2)
  assert.ok(await store.grant('p', one.counter, one.rule, 1))
  assert.ok(await store.reset('p', one.counter, one.rule))
  await useBreaker(opened)
  // Another algorithm takes the counter over.
  const bucket = bindRule({ algorithm: 'token_bucket', capacity: 9, refill: { tokens: 1, everyMs: day } })
  const former = hitOn('former', fixed(9, day), { counter: counterUnder('next', 'fixed_window') })
  assert.ok((await store.take([former])).admitted)
  const { counter, rule } = former
  const next = hitOn('next', bucket, {
    counter: counterUnder('next', 'token_bucket'),
    former: () => [{ counter, rule, until: Date.now() * 1_000, next: bucket }],
  })
  assert.ok((await store.take([next])).admitted)
  store.keep('p', 1_000_000)
  await has(opened, 'counters_kept')
  cut(true)
  await until('it is cut off', async () => {
    await store.take([one])
    return store.state().unmerged > 0
  })
  cut(false)
  await has(opened, 'counters_merged')
  await until('it decides again', () => store.state().rung === 'store')
}

test('the documented rules are all that weir needs of one server, and none is more than it needs', async () => {
  await using running = new AsyncDisposableStack()
  const valkey = await startValkey()
  const admin = new Redis({ host: '127.0.0.1', port: valkey.port })
  running.defer(async () => {
    admin.disconnect()
    await valkey.stop()
  })
  const url = `redis://weir:hunter2@127.0.0.1:${valkey.port}`
  await setUser(admin, aclRules)
  const opened = await openStore(running, url)
  await useAll(opened)
  assert.deepEqual(await refusals(admin), [])

  // One that is taken away is named, at the start and by one that runs.
  const commands = aclRules
    .split(' ')
    .filter((rule) => /^\+/.test(rule) && !/cluster|client|info|ping/.test(rule))
  for (const rule of commands) {
    await setUser(admin, `${aclRules} -${rule.slice(1)}`)
    const link = openRedisLink(url)
    const refused = (error: Error) => {
      assert.match(error.message, /may not do what is needed/)
      assert.match(
        error.message.slice(0, error.message.indexOf('Give it')),
        new RegExp(`\\b${rule.slice(1)}\\b`),
      )
      return true
    }
    await assert.rejects(link.check(10_000), refused, rule)
    link.close()
  }
  await setUser(admin, `${aclRules} -set`)
  await until('it is away', async () => {
    await opened.store.take([hitOn(`${Math.random()}`, fixed(2, day))])
    return opened.store.state().rung === 'away'
  })
  const said = opened.events.flatMap((each) => (each.event === 'counter_store_rung' ? (each.said ?? []) : []))
  assert.match(said.at(-1)!, /no permissions to run the 'set' command/)
  assert.match(opened.store.state().why!, /does not let weir do what it has to/)
  // The probe does what was refused, so that the store is not asked again and again in vain.
  const since = opened.events.length
  const probes = () => opened.events.slice(since)
  const refused = () => probes().filter((each) => each.event === 'counter_store_failed')
  await until('probes are over', () => refused().length >= 3 || opened.store.state().rung !== 'away')
  assert.deepEqual(
    probes().filter(({ event }) => event === 'counter_store_rung'),
    [],
  )
  await setUser(admin, aclRules)
  await until('it decides', () => opened.store.state().rung === 'store')
  await setUser(admin, aclRules.replace('&weir:* ', ''))
  const deaf = openRedisLink(url)
  running.defer(deaf.close)
  await assert.rejects(deaf.check(10_000), /may not do what is needed: .*publish, subscribe/)
})

test('they are all that it needs of a cluster', async () => {
  await using running = new AsyncDisposableStack()
  const cluster = await startValkeyCluster(3)
  running.defer(cluster.stop)
  for (const { client } of cluster.primaries) await setUser(client, aclRules)
  const opened = await openStore(running, cluster.url.replace('//', '//weir:hunter2@'))
  await useAll(opened)
  for (const { client } of cluster.primaries) assert.deepEqual(await refusals(client), [])
})

test('and of Sentinels, and the servers that they watch', async () => {
  await using running = new AsyncDisposableStack()
  const watched = await startWatchedValkey()
  running.defer(watched.stop)
  const sentinel = new Redis(`redis://${new URL(watched.url).host}`)
  const servers = [watched.primary, watched.replica].map(({ port }) => new Redis({ host: '127.0.0.1', port }))
  running.defer(() => {
    for (const client of [sentinel, ...servers]) client.disconnect()
  })
  for (const client of servers) await setUser(client, aclRules)
  await setUser(sentinel, sentinelAclRules)
  const url = watched.url.replace('//', '//weir:hunter2@')
  const opened = await openStore(running, `${url}?sentinel_username=weir&sentinel_password=hunter2`)
  await useAll(opened)
  await watched.failover()
  await until('the other one decides', async () => {
    await opened.store.take([hitOn('after', fixed(1_000_000, day))])
    return (
      (await servers[1]!.keys('weir:*')).length > 0 &&
      /role:master/.test(await servers[1]!.info('replication'))
    )
  })
  await until('it decides', () => opened.store.state().rung === 'store')
  await useBreaker(opened)
  for (const client of [sentinel, ...servers]) assert.deepEqual(await refusals(client), [])
})

test('a name that no Sentinel knows stops the start; one that is away says nothing', async () => {
  await using running = new AsyncDisposableStack()
  const watched = await startWatchedValkey()
  running.defer(watched.stop)
  const { host } = new URL(watched.url)
  for (const hosts of [host, `${host},127.0.0.1:${await freePort()}`]) {
    const link = openRedisLink(`redis+sentinel://${hosts}/other`)
    await assert.rejects(link.check(20_000), /know no primary named other\./)
    link.close()
  }
})

test('the page has them', () => {
  const page = readFileSync(join(projectRoot, 'docs', 'counter-store.md'), 'utf8').replaceAll(/\\\n\s*/g, '')
  for (const rules of [aclRules, sentinelAclRules])
    assert.ok(page.includes(`on '>secret' ${rules.replaceAll(/[~&]\S+/g, "'$&'")}`), rules)
})
