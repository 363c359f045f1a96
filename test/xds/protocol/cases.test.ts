import { describe, test } from 'node:test'
import type { Flaw, ShortType } from './content.ts'
import { Fleet } from './fleet.ts'
import { Sessions } from './sessions.ts'
import { startSockets } from './sockets.ts'

type Edit = readonly [ShortType, name: string, row?: { flaw?: Flaw; first?: number; second?: number }]

/** A case that the commands once found, by hand: what each client has and was sent is judged as there. */
async function judge(fleet: Fleet, play: (edit: (...edits: Edit[]) => Promise<void>) => Promise<void>) {
  await play(async (...edits) => {
    for (const [short, name, row] of edits) {
      fleet.rows.put(short, name, row && { n: 1, flaw: '', first: 0, second: 0, ...row })
    }
    await fleet.publish([0, 1])
  })
  await fleet.settle()
  await fleet.recover()
}

/** The client of this index reads and writes for so many turns. */
async function talk(fleet: Fleet, index: number, turns: number): Promise<void> {
  for (let turn = 0; turn < turns && ((await fleet.write(index)) || fleet.read(index)); turn++) {}
}

const unreadable = { flaw: 'unreadable' } as const
const [envoyOverDelta, clientOverDelta, envoyOverSotw] = [0, 1, 2]
const transports = { sessions: async () => new Sessions(), sockets: startSockets }

for (const [name, start] of Object.entries(transports)) {
  describe(`cases over ${name}`, () => {
    function play(
      what: string,
      steps: (fleet: Fleet, edit: (...edits: Edit[]) => Promise<void>) => Promise<void>,
    ) {
      test(what, async () => {
        const transport = await start()
        try {
          const fleet = new Fleet(transport)
          await judge(fleet, (edit) => steps(fleet, edit))
        } finally {
          await transport.close()
        }
      })
    }

    play(
      'endpoints are refused, and their cluster is sent and taken back while they follow it',
      async (fleet, edit) => {
        await edit(['endpoints', 'c', {}], ['cluster', 'c', {}])
        await fleet.settle()
        await edit(['endpoints', 'c', unreadable])
        fleet.read(envoyOverDelta)
        await edit(['cluster', 'c', unreadable])
        await edit(['cluster', 'c'])
        await talk(fleet, envoyOverDelta, 1)
        await fleet.reconnect(envoyOverDelta, 0)
      },
    )

    play(
      'endpoints that another replica sent are refused, and their cluster is sent and taken back while they follow it',
      async (fleet, edit) => {
        for (const index of [envoyOverDelta, envoyOverSotw]) await fleet.reconnect(index, 1)
        await edit(['endpoints', 'c', {}], ['cluster', 'c', {}])
        await fleet.settle()
        await edit(['endpoints', 'c', unreadable])
        await fleet.reconnect(envoyOverDelta, 0)
        await fleet.settle()
        await edit(['cluster', 'c', unreadable])
        await edit(['cluster', 'c'])
        await fleet.reconnect(envoyOverDelta, 0)
      },
    )

    play(
      'endpoints are refused beside others of which there are none, and their cluster is tried again',
      async (fleet, edit) => {
        await fleet.reconnect(envoyOverSotw, 1, true)
        await edit(['endpoints', 'b', {}], ['cluster', 'b', {}], ['cluster', 'a', {}])
        await fleet.settle()
        await edit(['cluster', 'b', unreadable])
        await edit(['cluster', 'c', unreadable], ['cluster', 'a', unreadable])
        await edit(['endpoints', 'b', unreadable])
        await fleet.settle()
        await fleet.reconnect(envoyOverSotw, 1)
      },
    )

    play(
      'endpoints are refused beside others of which there are none, and are claimed at another replica',
      async (fleet, edit) => {
        await edit(['cluster', 'a', {}], ['route', 'a', unreadable])
        await fleet.settle()
        await edit(['endpoints', 'd', unreadable])
        await edit(['cluster', 'b', {}], ['listener', 'a', unreadable], ['cluster', 'd', {}])
        await talk(fleet, envoyOverSotw, 4)
        await edit(['endpoints', 'd', {}])
        await talk(fleet, envoyOverSotw, 2)
        await fleet.reconnect(envoyOverSotw, 1)
      },
    )

    play('a secret goes while a cluster that may use it is kept for a refused route', async (fleet, edit) => {
      fleet.client(clientOverDelta).change('secret', ['d'], [])
      await talk(fleet, clientOverDelta, 6)
      await edit(['cluster', 'd', {}])
      await edit(['cluster', 'd'], ['secret', 'd', {}], ['cluster', 'a', {}])
      await edit(['route', 'a', unreadable])
      await talk(fleet, clientOverDelta, 4)
      await edit(['secret', 'd'])
    })

    play(
      'a retry is accepted that was changed, and changed back, while it was on its way',
      async (fleet, edit) => {
        await edit(['secret', 'b', unreadable])
        await edit(['route', 'a', unreadable], ['cluster', 'a', {}], ['listener', 'a', unreadable])
        await fleet.settle()
        fleet.client(envoyOverDelta).cured = true
        await fleet.wait(60_000)
        await edit(['secret', 'b'])
        await edit(['secret', 'b', unreadable])
      },
    )

    play('a listener is refused in two versions, and the first comes back', async (fleet, edit) => {
      await edit(['listener', 'b', {}])
      await edit(
        ['route', 'a', unreadable],
        ['secret', 'c', unreadable],
        ['listener', 'a', {}],
        ['cluster', 'a', unreadable],
      )
      await talk(fleet, envoyOverSotw, 4)
      await edit(['listener', 'b', { ...unreadable, second: 1 }])
      await fleet.settle()
      await edit(['secret', 'a', unreadable], ['secret', 'b', unreadable])
      await fleet.settle()
      await edit(['secret', 'a'])
    })

    play(
      'a route that waits for its retry is given up, and wanted again beside another',
      async (fleet, edit) => {
        await edit(['route', 'd', unreadable])
        await edit(['listener', 'a', { first: 3 }], ['cluster', 'a', unreadable], ['route', 'a', unreadable])
        await fleet.settle()
        await edit(['route', 'c', unreadable])
        await fleet.retry(0)
        await edit(['listener', 'a', { first: 2 }])
        await edit(['listener', 'c', { first: 1 }])
        await talk(fleet, envoyOverDelta, 1)
      },
    )
  })
}
