import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createController } from '../../src/control/controller.ts'
import { createQuarantine } from '../../src/control/quarantine.ts'
import { type Message, type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import { WeirError } from '../../src/errors.ts'
import { planWrite } from '../../src/model/plan-write.ts'
import { type Form, formOf, type HeldRow, type Refusal, type Substitute } from '../../src/model/quarantine.ts'
import { emptyState, find, type State } from '../../src/model/state.ts'
import type { Event } from '../../src/observe.ts'
import { kinds } from '../../src/policies/index.ts'
import type { Verdict } from '../../src/xds/answer.ts'
import type { Snapshot } from '../../src/xds/snapshot.ts'
import { testLive } from '../support/live.ts'
import { until } from '../support/until.ts'

/**
 * Envoys as far as a quarantine knows them: each takes what is published, or refuses a resource and stays as it was. With
 * null it says nothing.
 */
function simulatedFleet(refuses: Record<string, (message: Message) => string | undefined | null>) {
  const has = new Map<string, Map<string, string>>()
  const parked = new Set<string>()
  let judge: (verdict: Verdict) => void = () => {}
  let messageOf: (type: TypeUrl, name: string) => Message = () => ({})

  function answer({ gateway, resources }: Snapshot, retried: boolean): void {
    for (const [node, refusal] of Object.entries(refuses)) {
      const own = has.get(node) ?? new Map<string, string>()
      has.set(node, own)
      for (const [type, byName] of resources) {
        let isAny = false
        for (const [resource, { version }] of byName) {
          const key = `${type} ${resource}`
          if (own.get(key) === version) continue
          const error = refusal(messageOf(type, resource))
          if (error === null) continue
          if (error === undefined) {
            own.set(key, version)
            isAny = true
          } else if (retried || !parked.has(`${node} ${key} ${version}`)) {
            parked.add(`${node} ${key} ${version}`)
            judge({ gateway, type, refused: { node, resource, version, error } })
          }
        }
        if (isAny) judge({ gateway, type })
      }
    }
  }
  let newest: Snapshot | undefined
  return {
    publish(snapshot: Snapshot) {
      newest = snapshot
      setImmediate(() => {
        if (newest === snapshot) answer(snapshot, false)
      })
    },
    retry: () => newest && answer(newest, true),
    accepted: (_: string, type: string, name: string, version: string) =>
      [...has.values()].some((own) => own.get(`${type} ${name}`) === version),
    connect(judged: typeof judge, messages: typeof messageOf) {
      judge = judged
      messageOf = messages
    },
  }
}

/** What is written, and the table of what is held back, in memory. */
function memoryStore() {
  const states: State[] = [emptyState]
  const entries = new Map<string, Refusal>()
  const accepted = new Set<string>()
  let away = false
  const guard = () => {
    if (away) throw new WeirError('unavailable', 'away')
  }
  const newest = () => states.at(-1)!

  function substitute(form: Form, refused: ReadonlySet<string>): Substitute {
    for (const state of states.toReversed()) {
      const object = find(state, form.kind, form.name)
      if (object === undefined || object.revision >= form.revision) continue
      if (!refused.has(formOf({ ...form, revision: object.revision }))) return { good: object, named: [] }
    }
    return { named: [] }
  }
  const held = () => new Set(entries.keys())

  return {
    newest,
    write(...documents: { kind: string; name: string; spec: object }[]): State {
      const edits = documents.map((document, index) => {
        const object = { labels: {}, owner: '', ...document, spec: document.spec as Record<string, unknown> }
        return { op: 'put' as const, object, document: index }
      })
      const plan = planWrite(kinds, newest(), edits, { supervised: false, listenerAddress: '127.0.0.1' })
      assert.deepEqual(plan.problems, [])
      states.push(plan.next)
      return plan.next
    },
    setAway(now: boolean) {
      away = now
    },
    table: {
      async read() {
        guard()
        const rows = [...entries].flatMap(([key, refusal]): HeldRow[] => {
          const isPresent = find(newest(), refusal.kind, refusal.name)?.revision === refusal.revision
          if (!isPresent || accepted.has(key)) return []
          return [{ ...refusal, since: '', ...substitute(refusal, held()) }]
        })
        return { held: rows, accepted: new Set(accepted) }
      },
      async substitutes(forms: readonly Form[], refused: readonly Form[]) {
        guard()
        const all = new Set([...held(), ...refused.map(formOf)])
        return new Map(forms.map((form) => [formOf(form), substitute(form, all)]))
      },
      async hold(refusals: readonly Refusal[]) {
        guard()
        for (const refusal of refusals) entries.set(formOf(refusal), refusal)
      },
      async release(forms: readonly Form[]) {
        for (const form of forms) entries.delete(formOf(form))
      },
      async accept(forms: readonly Form[]) {
        for (const form of forms) accepted.add(formOf(form))
      },
    },
  }
}

const gateway = {
  kind: 'Gateway',
  name: 'edge',
  spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] },
}
const route = (name: string, body: string) => ({
  kind: 'Route',
  name,
  spec: { gateways: ['edge'], match: { path: { prefix: `/${name}` } }, respond: { status: 200, body } },
})

/** Refuses routes that answer with this text, in words that do not say which. */
const without = (word: string) => (message: Message) =>
  JSON.stringify(message).includes(word) ? 'there is something in it' : undefined

async function start(t: TestContext, envoys: Parameters<typeof simulatedFleet>[0], answerMs?: number) {
  const store = memoryStore()
  const fleet = simulatedFleet(envoys)
  const events: Event[] = []
  const observe = (event: Event) => void events.push(event)
  const outlets = { publish: fleet.publish, retire: () => {}, setLimits: () => {}, setBreakers: () => {} }
  const controller = createController({ live: testLive(), outlets, observe })
  const quarantine = await createQuarantine({
    ...{ table: store.table, fleet, controller, kinds, observe, retry: fleet.retry },
    secretTexts: async () => new Map(),
    ...(answerMs !== undefined && { answerMs }),
  })
  t.after(quarantine.close)
  fleet.connect(
    quarantine.judge,
    (type, name) => controller.made('edge')!.compiled.resources.get(type)!.get(name)!,
  )
  const write = (...documents: Parameters<typeof store.write>) => {
    quarantine.apply(store.write(...documents), new Map())
  }
  /** The bodies that the routes in force answer with, by route. */
  const served = () => {
    const made = controller.made('edge')!
    const { virtual_hosts: hosts } = made.compiled.resources.get(typeUrls.route)!.get('edge/http') as {
      virtual_hosts: { routes: { name: string; direct_response?: { body?: { inline_string: string } } }[] }[]
    }
    return Object.fromEntries(
      hosts.flatMap(({ routes }) =>
        routes.map((each) => [each.name, each.direct_response?.body?.inline_string]),
      ),
    )
  }
  const told = () => quarantine.held().map(({ kind, name, inForce }) => `${kind}/${name} ${inForce}`)
  const settled = () => quarantine.settled(new Set(['edge']), AbortSignal.timeout(10_000))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return { store, fleet, controller, quarantine, events, write, served, told, settled, turn }
}

describe('the quarantine', () => {
  test('finds the rows that a refusal does not name, and serves all else', async (t) => {
    const weir = await start(t, { one: without('bad') })
    weir.write(gateway, route('a', 'first'))
    await weir.turn()
    weir.write(route('a', 'bad'), route('b', 'fine'), route('c', 'bad, too'), route('d', 'fine'))
    await until('it is found', () => weir.told().length === 2)
    await weir.settled()
    assert.deepEqual(weir.told().sort(), ['Route/a 1', 'Route/c null'])
    assert.deepEqual(weir.served(), { a: 'first', b: 'fine', d: 'fine' })
  })

  test('holds nothing that another Envoy has in force', async (t) => {
    const weir = await start(t, { old: without('bad'), new: () => undefined })
    weir.write(gateway, route('a', 'first'))
    await weir.turn()
    weir.write(route('a', 'bad'))
    await until('the other one has it', () =>
      weir.events.some(({ event }) => event === 'quarantine_given_up'),
    )
    assert.deepEqual(weir.told(), [])
    assert.deepEqual(weir.served(), { a: 'bad' })
  })

  test('gives up what is held once an Envoy turns out to have it', async (t) => {
    const weir = await start(t, { one: without('bad') })
    weir.write(gateway, route('a', 'bad'))
    await until('it is held', () => weir.told().length === 1)
    const [row] = weir.quarantine.held()
    const version = (await weir.store.table.read()).held[0]!.version
    const isThat = (name: string, found: string) => name === row!.resource && found === version
    const { accepted } = weir.fleet
    weir.fleet.accepted = (...asked) => isThat(asked[2], asked[3]) || accepted(...asked)
    weir.quarantine.judge({ gateway: 'edge', type: typeUrls.route })
    await until('it is delivered', () => weir.told().length === 0)
    assert.deepEqual(weir.served(), { a: 'bad' })
  })

  test('goes on after a write in the middle of a search', async (t) => {
    const weir = await start(t, { one: without('bad') })
    weir.write(
      gateway,
      ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => route(name, name === 'e' ? 'bad' : 'fine')),
    )
    await weir.turn()
    weir.write(route('g', 'bad, too'))
    await until('both are found', () => weir.told().length === 2)
    await weir.settled()
    assert.deepEqual(weir.told().sort(), ['Route/e null', 'Route/g null'])
    assert.deepEqual(Object.keys(weir.served()).sort(), ['a', 'b', 'c', 'd', 'f'])
  })

  test('delivers a mended row at once, and holds it no more', async (t) => {
    const weir = await start(t, { one: without('bad') })
    weir.write(gateway, route('a', 'bad'), route('b', 'fine'))
    await until('it is held', () => weir.told().length === 1)
    weir.write(route('a', 'mended'))
    assert.deepEqual(weir.served(), { a: 'mended', b: 'fine' })
    await until('nothing is held', () => weir.told().length === 0)
  })

  test('leaves a refusal to its Envoy where that is its own matter', async (t) => {
    const busy = ({ address }: Message) =>
      address === undefined ? undefined : 'cannot bind: Address already in use'
    const weir = await start(t, { one: busy })
    weir.write(gateway, route('a', 'fine'))
    await weir.turn()
    await weir.settled()
    assert.deepEqual(weir.told(), [])
    assert.equal(weir.controller.made('edge')!.compiled.resources.get(typeUrls.listener)!.size, 1)
  })

  test('lets go of what it held in doubt when nobody answers', async (t) => {
    let isThere = true
    const refusal = without('bad')
    const fleet = { one: (message: Message) => (isThere ? refusal(message) : null) }
    const weir = await start(t, fleet, 50)
    weir.write(gateway, route('a', 'bad'), route('b', 'bad'))
    await weir.turn()
    isThere = false
    await until('it is given up', () => weir.events.some(({ event }) => event === 'quarantine_given_up'))
    assert.deepEqual(weir.served(), { a: 'bad', b: 'bad' })
    assert.deepEqual(weir.told(), [])
  })

  test('keeps in memory what it found while the database is away, and writes it down later', async (t) => {
    const weir = await start(t, { one: without('bad') })
    const { hold } = weir.store.table
    weir.store.table.hold = async () => {
      throw new WeirError('unavailable', 'away')
    }
    weir.write(gateway, route('a', 'bad'), route('b', 'fine'))
    await until('it is held', () => weir.told().length === 1)
    assert.deepEqual(weir.served(), { b: 'fine' })
    assert.deepEqual((await weir.store.table.read()).held, [])
    weir.store.table.hold = hold
    await until('it is written', async () => (await weir.store.table.read()).held.length === 1)
    assert.deepEqual(weir.told(), ['Route/a null'])
  })
})
