import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { tickUnit } from '../../src/model/tick-unit.ts'
import type { Hit, Taken } from '../../src/ratelimit/stores/counter-store.ts'
import type { RedisLink } from '../../src/ratelimit/stores/redis/link.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import type { Script } from '../../src/ratelimit/stores/redis/scripts.ts'
import { createSingleLink } from '../../src/ratelimit/stores/redis/single.ts'
import { each, hitOn } from '../support/hits.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'
import { createOracle, type PolicyHit } from './oracle/request.ts'
import { inMicros } from './oracle/schedule.ts'

const isLong = process.env.WEIR_LONG === '1'
const clientCount = 8

/** What one client asks at once; the store decides it in one call. */
type Burst = readonly (readonly { policy: number; key: string; cost: number; enforced: boolean }[])[]

const numbers = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom(1, 2, 5, 20), fc.nat(3))
  .map(([amount, ms, index]) => each(amount, ms)[index]!)
const hits = fc.uniqueArray(
  fc.record({
    policy: fc.nat(2),
    key: fc.constantFrom('a', 'b', 'c'),
    cost: fc.integer({ min: 0, max: 3 }),
    enforced: fc.boolean(),
  }),
  // The oracle knows of no policy that is asked twice by one request.
  { minLength: 1, maxLength: 3, selector: ({ policy }) => policy },
)
const bursts: fc.Arbitrary<Burst[]> = fc.array(fc.array(hits, { minLength: 1, maxLength: 3 }), {
  minLength: 3,
  maxLength: 6,
  size: 'max',
})
const runs = fc.record({
  policies: fc.array(numbers, { minLength: 3, maxLength: 3 }),
  clients: fc.array(bursts, { minLength: clientCount, maxLength: clientCount, size: 'max' }),
})

/** When a call was decided: the store's microseconds, and its place among all calls. */
interface Place {
  readonly time: bigint
  readonly sequence: number
}

describe('clients at the same time, on the clock of Valkey', () => {
  let valkey: Valkey
  let links: ReturnType<typeof createSingleLink>[]
  before(async () => {
    valkey = await startValkey()
    links = Array.from({ length: clientCount }, () =>
      createSingleLink({ host: '127.0.0.1', port: valkey.port }),
    )
    await Promise.all(links.map(({ client }) => once(client, 'ready')))
  })
  after(async () => {
    for (const link of links) link.close()
    await valkey.stop()
  })

  test('the order in which the script decided explains every answer', async () => {
    const seen = { runs: 0, requests: 0, denied: 0, mixed: 0 }
    const property = fc.asyncProperty(runs, async ({ policies, clients }) => {
      const run = seen.runs++
      const decided: { burst: Burst; taken: Taken[]; place: Place; client: number }[] = []
      await Promise.all(
        clients.map(async (bursts, client) => {
          const places: Place[] = []
          const store = createRedisStore({ link: placing(links[client]!, places), monotonic: forgetful() })
          for (const burst of bursts) {
            const taken = await Promise.all(
              burst.map((asked) =>
                store.take(
                  asked.map(({ policy, key, ...more }): Hit => {
                    const name = `${run}/${key}`
                    return { ...hitOn(name, policies[policy]!, { policy: `p${policy}` }), ...more }
                  }),
                ),
              ),
            )
            assert.equal(places.length, 1)
            decided.push({ burst, taken, place: places.pop()!, client })
          }
        }),
      )
      decided.sort((one, other) => one.place.sequence - other.place.sequence)
      const oracle = createOracle()
      for (const [index, { burst, taken, place, client }] of decided.entries()) {
        if (index > 0 && decided[index - 1]!.client !== client) seen.mixed++
        for (const [at, asked] of burst.entries()) {
          const list = asked.map(({ policy, key, cost, enforced }): PolicyHit => {
            const rule = inMicros(policies[policy]!, tickUnit([policies[policy]!]).unit!)
            return { policy: `p${policy}`, key, rule, cost: BigInt(cost), enforced }
          })
          const { items, ...said } = oracle.decide(list, place.time)
          // Quota and window are the rule's, whatever was decided.
          const standing = items.map(({ policy, r, t }) => ({ policy, r, t }))
          assert.deepEqual(shown(list, taken[at]!), { ...said, items: standing })
          seen.requests++
          seen.denied += Number(!taken[at]!.admitted)
        }
      }
    })
    await fc.assert(property, { endOnFailure: true, numRuns: isLong ? 1_000 : 30 })
    for (const [what, count] of Object.entries(seen)) assert.ok(count >= 30, `${what}: ${count}`)
  })
})

/** Says of each call that takes when it was decided. */
function placing(link: RedisLink, places: Place[]): RedisLink {
  return {
    async run(script, keys, args) {
      const [seconds, microseconds, said, ...values] = await link.run(placed(script), keys, args)
      const sequence = values.pop()!
      places.push({
        time: BigInt(String(seconds)) * 1_000_000n + BigInt(String(microseconds)),
        sequence: Number(sequence),
      })
      return [seconds!, microseconds!, said!, ...values]
    },
  }
}

/** The script, which also answers with its place among all that ran. */
function placed({ name, text }: Script): Script {
  const end = /return (answer\(.*\))\n$/
  assert.match(text, end)
  const longer = text.replace(
    end,
    "local all = $1\nall[#all + 1] = tostring(call('INCR', 'place'))\nreturn all\n",
  )
  return { name, text: longer, sha: createHash('sha1').update(longer).digest('hex') }
}

/** A clock that runs so fast that no refusal is remembered: each is the store's. */
function forgetful(): () => number {
  let time = 0
  return () => {
    time += 3_600_000_000
    return time
  }
}

/** What the oracle says of a request, from what the store did. */
function shown(hits: readonly PolicyHit[], { admitted, outcomes }: Taken): unknown {
  const all = hits.map(({ policy, enforced, rule }, index) => ({
    policy,
    enforced,
    rule,
    ...outcomes[index]!,
  }))
  const enforced = all.filter((each) => each.enforced)
  const denied = enforced.filter((each) => !each.admitted)
  const waits = denied.map(({ retryAfter }) => retryAfter)
  return {
    admitted,
    denied: denied.map(({ policy }) => policy),
    shadowDenied: all.filter((each) => !each.enforced && !each.admitted).map(({ policy }) => policy),
    delayMs: admitted ? Math.max(0, ...enforced.map(({ delay }) => Math.ceil(delay / 1_000))) : 0,
    retryAfterSeconds:
      admitted || waits.includes(null)
        ? null
        : Math.max(1, ...waits.map((wait) => Math.ceil(wait! / 1_000_000))),
    items: enforced.map(({ policy, remaining, resetAfter }) => ({
      policy,
      r: remaining,
      t: Math.ceil(resetAfter / 1_000_000),
    })),
  }
}
