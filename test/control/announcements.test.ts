import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Pool } from 'pg'
import type { Announced } from '../../src/control/announced.ts'
import {
  type Announcements,
  type AnnouncementTable,
  createAnnouncements,
} from '../../src/control/announcements.ts'
import { WeirError } from '../../src/errors.ts'
import type { Event } from '../../src/observe.ts'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore } from '../../src/store/store.ts'
import { Fleet } from '../../src/xds/fleet.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

let database: FreshDatabase
let pool: Pool
let table: AnnouncementTable
/** Stands for a database that cannot be reached. */
let isAway = false

before(async () => {
  database = await freshDatabase()
  pool = createPool(database.url, () => {})
  const store = createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} })
  table = async (exchange) => {
    if (isAway) throw new WeirError('unavailable', 'away')
    return store.exchangeAnnouncements(exchange)
  }
})
after(async () => {
  await pool.end()
  await database.drop()
})
beforeEach(async () => {
  isAway = false
  await query('delete from envoy_addresses')
})

const query = (text: string) => withClient(database.url, (client) => client.query(text))

interface Replica {
  fleet: Fleet
  announcements: Announcements
  events: Event[]
  /** Addresses of the gateway `internal`, as of now. */
  addresses(): string[]
  /** Resolves once they are these. */
  become(...addresses: string[]): Promise<void>
  join(id: string, ...addresses: string[]): { left(reason: string): void }
}

async function replica(graceMs: number): Promise<Replica> {
  const fleet = new Fleet(Date.now)
  const events: Event[] = []
  let value: Announced = new Map()
  let look = () => {}
  const addresses = () => (value.get('internal') ?? []).flatMap((each) => each.addresses)
  const announcements = await createAnnouncements({
    ...{ fleet, table, graceMs },
    observe: (event) => events.push(event),
    onChange(announced) {
      value = announced
      look()
    },
  })
  return {
    fleet,
    announcements,
    events,
    addresses,
    become: (...wanted) =>
      new Promise((resolve) => {
        look = () => {
          if (JSON.stringify(addresses()) === JSON.stringify(wanted)) resolve()
        }
        look()
      }),
    join(id, ...addresses) {
      const identity = { id, gateway: 'internal', labels: {}, version: '', addresses }
      const view = {
        protocol: 'delta' as const,
        revision: () => 0,
        types: () => ({}),
        deviations: () => [],
        delivery: () => ({ state: 'acked' as const, nacks: [] }),
      }
      return fleet.connect(identity, '192.0.2.1:5000', view)
    },
  }
}

const long = 60 * 60_000

describe('a replica knows where the Envoys are', () => {
  test('by its own streams at once, and the others when they are told', async () => {
    const [one, two] = [await replica(long), await replica(long)]
    one.join('a', '10.0.0.1')
    await one.become('10.0.0.1')
    two.join('b', '10.0.0.2')
    await two.become('10.0.0.1', '10.0.0.2')
    // Its row is written by the time that a look which began later is over.
    await two.announcements.close()
    one.announcements.hint()
    await one.become('10.0.0.1', '10.0.0.2')
    await one.announcements.close()
  })

  test('from before a restart, without any stream', async () => {
    const one = await replica(long)
    one.join('a', '10.0.0.1')
    await one.become('10.0.0.1')
    await one.announcements.close()
    const again = await replica(long)
    assert.deepEqual(again.addresses(), ['10.0.0.1'])
    await again.announcements.close()
  })

  test('for the grace after a stream ends, and no longer', async () => {
    const one = await replica(1_000)
    one.join('a', '10.0.0.1')
    const stream = one.join('b', '10.0.0.2')
    await one.become('10.0.0.1', '10.0.0.2')
    const left = performance.now()
    stream.left('the connection was lost')
    await one.become('10.0.0.1')
    assert.ok(performance.now() - left >= 1_000)
    await one.announcements.close()
  })

  test('for the whole grace from its own start, however long ago they were seen', async () => {
    const one = await replica(long)
    one.join('a', '10.0.0.1')
    await one.become('10.0.0.1')
    await one.announcements.close()
    await query(`update envoy_addresses set seen_at = seen_at - interval '1 day'`)
    const started = performance.now()
    const again = await replica(1_000)
    assert.deepEqual(again.addresses(), ['10.0.0.1'])
    await again.become()
    assert.ok(performance.now() - started >= 1_000)
    await again.announcements.close()
  })

  test('for as long as the database is away, and newcomers as well', async () => {
    const one = await replica(1_000)
    const stream = one.join('a', '10.0.0.1')
    await one.become('10.0.0.1')
    isAway = true
    stream.left('the connection was lost')
    one.join('b', '10.0.0.2').left('the connection was lost')
    const third = one.join('c', '10.0.0.3')
    await one.become('10.0.0.1', '10.0.0.3')
    third.left('the connection was lost')
    // Longer than the grace, in which nothing may happen.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    assert.deepEqual(one.addresses(), ['10.0.0.1', '10.0.0.3'])
    const back = performance.now()
    isAway = false
    await one.become()
    assert.ok(performance.now() - back >= 1_000)
    assert.ok(!one.events.some(({ event }) => event === 'failed'))
    await one.announcements.close()
  })

  test('and says once what counts for nothing', async () => {
    const one = await replica(long)
    one.join('a', '10.0.0.1', 'a.internal')
    await one.become('10.0.0.1')
    one.join('b', '10.0.0.2')
    await one.become('10.0.0.1', '10.0.0.2')
    const ignored = one.events.filter(({ event }) => event === 'address_ignored')
    assert.deepEqual(ignored, [
      {
        ...{ event: 'address_ignored', gateway: 'internal', node: 'a', address: 'a.internal' },
        reason: 'is not an IPv4 or IPv6 address',
      },
    ])
    await one.announcements.close()
  })
})
