import fc from 'fast-check'
import { EnvoyClient } from './client.ts'
import type { ShortType } from './content.ts'
import type { Fleet } from './fleet.ts'
import { type Row, rowNames } from './rows.ts'

export interface Tally {
  steps: number
}

function command(
  told: string,
  run: (fleet: Fleet) => void | Promise<void>,
): fc.AsyncCommand<Tally, Fleet, false> {
  return {
    check: () => true,
    async run(tally, fleet) {
      tally.steps++
      await run(fleet)
    },
    toString: () => told,
  }
}

const who = fc.nat(3)
const replica = fc.nat(1)
const named = ['endpoints', 'secret', 'extension', 'route'] as const
const rarely = fc.integer({ min: 0, max: 6 })
const row: fc.Arbitrary<Row> = fc.record({
  n: fc.integer({ min: 1, max: 3 }),
  flaw: rarely.map((n) => (['unreadable', 'unusable'] as const)[n] ?? ''),
  first: fc.nat(3),
  second: fc.nat(3),
})
const place = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      short: fc.constantFrom<ShortType>('cluster', 'endpoints', 'secret', 'listener', 'route'),
      name: fc.constantFrom(...rowNames),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ short: 'extension' as ShortType, name: 'x' }) },
)
const edit = fc.record({ place, row: fc.option(row, { freq: 4, nil: undefined }) })
const targets = fc.constantFrom([0, 1], [0, 1], [0, 1], [0], [1])

const edits = fc.tuple(fc.array(edit, { maxLength: 6 }), targets).map(([list, replicas]) => {
  const told = list.map(({ place: { short, name }, row }) => `${short} ${name}=${JSON.stringify(row)}`)
  return command(`edit(${told.join(' ')}; to ${replicas})`, async (fleet) => {
    for (const { place, row } of list) fleet.rows.put(place.short, place.name, row)
    await fleet.publish(replicas)
  })
})
const reads = fc.tuple(who, fc.integer({ min: 1, max: 4 })).map(([index, n]) =>
  command(`read(${index}, ${n})`, (fleet) => {
    for (let turn = 0; turn < n && fleet.read(index); turn++) {}
  }),
)
const writes = fc.tuple(who, fc.integer({ min: 1, max: 4 })).map(([index, n]) =>
  command(`write(${index}, ${n})`, async (fleet) => {
    for (let turn = 0; turn < n && (await fleet.write(index)); turn++) {}
  }),
)
const talks = fc.tuple(who, fc.integer({ min: 1, max: 12 })).map(([index, n]) =>
  command(`talk(${index}, ${n})`, async (fleet) => {
    for (let turn = 0; turn < n && ((await fleet.write(index)) || fleet.read(index)); turn++) {}
  }),
)
const reconnects = fc.tuple(who, replica, rarely).map(([index, to, n]) =>
  command(`${n === 0 ? 'restart' : 'reconnect'}(${index}, ${to})`, (fleet) => {
    return fleet.reconnect(index, to, n === 0)
  }),
)
const subscriptions = fc
  .tuple(fc.constantFrom(1, 3), fc.constantFrom(...named), fc.constantFrom(...rowNames, 'x'), fc.boolean())
  .map(([index, short, name, wanted]) =>
    command(`${wanted ? 'subscribe' : 'unsubscribe'}(${index}, ${short} ${name})`, (fleet) => {
      const client = fleet.client(index)
      if (client instanceof EnvoyClient || (short === 'route' && name === 'a')) return
      if (client.types[short].names.has(name) === wanted) return
      client.change(short, wanted ? [name] : [], wanted ? [] : [name])
    }),
  )
const cures = who.map((index) =>
  command(`cure(${index})`, (fleet) => {
    fleet.client(index).cured = true
  }),
)
const waits = fc
  .constantFrom(1_000, 5_000, 60_000)
  .map((ms) => command(`wait(${ms})`, (fleet) => fleet.wait(ms)))
const retries = replica.map((index) => command(`retry(${index})`, (fleet) => fleet.retry(index)))
const settles = fc.constant(0).map(() => command('settle', (fleet) => fleet.settle()))

/** Weights by repetition. */
export const commands = [
  ...Array<typeof edits>(4).fill(edits),
  ...Array<typeof reads>(3).fill(reads),
  ...Array<typeof writes>(3).fill(writes),
  ...Array<typeof talks>(5).fill(talks),
  ...Array<typeof subscriptions>(3).fill(subscriptions),
  reconnects,
  reconnects,
  cures,
  waits,
  retries,
  settles,
]
