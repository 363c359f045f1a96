import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bounds } from '../../src/xds/bounds.ts'
import { createDeliveries, deliveryOf } from '../../src/xds/delivery.ts'
import { Fleet, type StreamView } from '../../src/xds/fleet.ts'
import { identify } from '../../src/xds/node.ts'
import type { DeliveryState } from '../../src/xds/session.ts'

const identity = (id: string, gateway = 'edge') => ({
  id,
  gateway,
  labels: {},
  version: '1.40.0',
  addresses: [],
})

/** A stream whose state the test sets. */
function stream(revision = 1, state: DeliveryState = 'acked') {
  const nacks = state === 'nacked' ? [{ type: 'route', resource: 'r', error: 'bad' }] : []
  const now = { revision, state, nacks }
  const view: StreamView = {
    protocol: 'delta',
    revision: () => now.revision,
    types: () => ({ route: { state: now.state, revision: now.revision } }),
    deviations: () => [],
    delivery: () => ({ state: now.state, nacks: now.nacks }),
  }
  return { now, view }
}

describe('the registry', () => {
  test('an Envoy is connected, then disconnected, then forgotten after ten minutes', () => {
    let now = 1_000
    const fleet = new Fleet(() => now)
    const handle = fleet.connect(identity('n'), '127.0.0.1:5', stream().view)
    const [connected] = fleet.list()
    assert.equal(connected?.state, 'connected')
    assert.equal(connected?.protocol, 'delta')
    assert.deepEqual(connected?.addresses, ['127.0.0.1'])
    assert.equal(connected?.connectedAt, '1970-01-01T00:00:01.000Z')
    assert.deepEqual(connected?.types, { route: { state: 'acked', revision: 1 } })
    handle.nacked({ type: 'route', resources: ['r'], error: 'bad' })
    handle.left('gone')
    const [left] = fleet.list()
    assert.deepEqual([left?.state, left?.reason], ['disconnected', 'gone'])
    assert.deepEqual(left?.types, { route: { state: 'acked', revision: 1 } })
    now += bounds.rememberedMs - 1
    assert.equal(fleet.list()[0]?.lastNack?.error, 'bad')
    now += 1
    assert.deepEqual(fleet.list(), [])
  })

  test('two streams of one id are two Envoys; when one ends, the other stays', () => {
    for (const leaving of [0, 1]) {
      const fleet = new Fleet(() => 0)
      const handles = [5, 6].map((port) => fleet.connect(identity('n'), `127.0.0.1:${port}`, stream().view))
      const shown = () => fleet.list().map(({ state, peer }) => `${state} ${peer}`)
      assert.deepEqual(shown(), ['connected 127.0.0.1:5', 'connected 127.0.0.1:6'])
      handles[leaving]!.left('gone')
      assert.deepEqual(shown(), [`connected 127.0.0.1:${6 - leaving}`])
      handles[1 - leaving]!.left('gone too')
      assert.deepEqual(shown(), [`disconnected 127.0.0.1:${6 - leaving}`])
    }
  })

  test('a refusal is resolved once its type is whole again, not by another type, nor by leaving', () => {
    let now = 1_000
    const fleet = new Fleet(() => now)
    const { now: state, view } = stream(1, 'nacked')
    const handle = fleet.connect(identity('n'), '127.0.0.1:5', view)
    const resolvedAt = () => fleet.list()[0]?.lastNack?.resolvedAt
    handle.nacked({ type: 'route', resources: ['r'], error: 'bad' })
    handle.changed()
    assert.equal(resolvedAt(), undefined)
    state.state = 'pending'
    handle.changed()
    assert.equal(resolvedAt(), undefined)
    now = 2_000
    state.state = 'acked'
    handle.changed()
    assert.equal(resolvedAt(), '1970-01-01T00:00:02.000Z')
    handle.nacked({ type: 'route', resources: ['r'], error: 'bad again' })
    assert.equal(resolvedAt(), undefined)
    handle.left('gone')
    assert.equal(resolvedAt(), undefined)
  })

  test('of a refused response some names are listed, not all', () => {
    const fleet = new Fleet(() => 0)
    const resources = Array.from({ length: bounds.nackNames + 1 }, (_, n) => `r${n}`)
    fleet.connect(identity('n'), '127.0.0.1:5', stream().view).nacked({ type: 'route', resources, error: '' })
    assert.equal(fleet.list()[0]?.lastNack?.resources.length, bounds.nackNames)
  })

  test('a refused Envoy is shown with its reason until it gets in', () => {
    const fleet = new Fleet(() => 0)
    fleet.refuse(identity('n', 'typo'), '127.0.0.1:5', 'no such gateway')
    assert.deepEqual(
      fleet.list().map(({ state, reason }) => [state, reason]),
      [['refused', 'no such gateway']],
    )
    fleet.connect(identity('n', 'typo'), '127.0.0.1:6', stream().view)
    assert.deepEqual(
      fleet.list().map(({ state }) => state),
      ['connected'],
    )
  })

  test('those that left or were refused are bounded in number', () => {
    const fleet = new Fleet(() => 0)
    for (let n = 0; n < bounds.departed + 10; n++) {
      fleet.connect(identity(`n${n}`), '127.0.0.1:5', stream().view).left('gone')
      fleet.refuse(identity(`r${n}`), '127.0.0.1:5', 'no')
    }
    assert.equal(fleet.list().length, bounds.departed + bounds.refused)
  })
})

describe('delivery', () => {
  const question = { revision: 2, gateways: ['edge'] }

  test('without Envoys there is none', () => {
    assert.deepEqual(deliveryOf(new Fleet(() => 0), question), { state: 'none', envoys: [] })
  })

  test('an Envoy that is expected counts as connected', () => {
    const fleet = new Fleet(() => 0)
    const expected = [
      { gateway: 'edge', id: 'n' },
      { gateway: 'other', id: 'm' },
    ]
    const envoys = [{ gateway: 'edge', id: 'n', state: 'pending' }]
    assert.deepEqual(deliveryOf(fleet, { ...question, expected }), { state: 'pending', envoys })
    fleet.connect(identity('n'), '127.0.0.1:5', stream(2).view)
    assert.equal(deliveryOf(fleet, { ...question, expected }).state, 'acked')
  })

  test('two Envoys of one id count as two, told apart by their peers', () => {
    const fleet = new Fleet(() => 0)
    const expected = [{ gateway: 'edge', id: 'n' }]
    fleet.connect(identity('n'), '127.0.0.1:5', stream(2, 'acked').view)
    const other = fleet.connect(identity('n'), '127.0.0.1:6', stream(2, 'nacked').view)
    const { state, envoys } = deliveryOf(fleet, { ...question, expected })
    assert.equal(state, 'nacked')
    assert.deepEqual(
      envoys.map(({ id, peer, state }) => [id, peer, state]),
      [
        ['n', '127.0.0.1:5', 'acked'],
        ['n', '127.0.0.1:6', 'nacked'],
      ],
    )
    other.left('it only claimed the id')
    assert.equal(deliveryOf(fleet, { ...question, expected }).state, 'acked')
  })

  test('a stream on an older revision is pending, whatever it acknowledged', () => {
    const fleet = new Fleet(() => 0)
    fleet.connect(identity('n'), '127.0.0.1:5', stream(1).view)
    assert.equal(deliveryOf(fleet, question).state, 'pending')
    assert.equal(deliveryOf(fleet, { revision: 1, gateways: ['edge'] }).state, 'acked')
    assert.equal(deliveryOf(fleet, { revision: 9, gateways: ['other'] }).state, 'none')
  })

  test('it is nacked only when nothing is on the way any more', () => {
    const fleet = new Fleet(() => 0)
    const slow = stream(2, 'pending')
    fleet.connect(identity('bad'), '127.0.0.1:5', stream(2, 'nacked').view)
    fleet.connect(identity('slow'), '127.0.0.1:6', slow.view)
    assert.equal(deliveryOf(fleet, question).state, 'pending')
    slow.now.state = 'acked'
    const { state, envoys } = deliveryOf(fleet, question)
    assert.equal(state, 'nacked')
    assert.deepEqual(envoys[0]?.nacks, [{ type: 'route', resource: 'r', error: 'bad' }])
  })

  test('a waiting question is answered by the change that settles it', async () => {
    const deliveries = createDeliveries(() => fleet)
    const fleet: Fleet = new Fleet(() => 0, deliveries.noteChange)
    const one = stream(2, 'pending')
    const two = stream(1)
    const first = fleet.connect(identity('one'), '127.0.0.1:5', one.view)
    const second = fleet.connect(identity('two'), '127.0.0.1:6', two.view)
    const answer = deliveries.whenDelivered(question)
    one.now.state = 'acked'
    first.changed()
    two.now.revision = 2
    second.changed()
    assert.equal((await answer).state, 'acked')
  })

  test('an Envoy that leaves is waited for no longer', async () => {
    const deliveries = createDeliveries(() => fleet)
    const fleet: Fleet = new Fleet(() => 0, deliveries.noteChange)
    const handle = fleet.connect(identity('one'), '127.0.0.1:5', stream(1).view)
    const answer = deliveries.whenDelivered(question)
    handle.left('gone')
    assert.equal((await answer).state, 'none')
  })

  test('time-out and abort answer how far it got', async () => {
    const deliveries = createDeliveries(() => fleet)
    const fleet: Fleet = new Fleet(() => 0, deliveries.noteChange)
    fleet.connect(identity('one'), '127.0.0.1:5', stream(1).view)
    assert.equal((await deliveries.whenDelivered(question, { timeoutMs: 1 })).state, 'pending')
    const controller = new AbortController()
    const answer = deliveries.whenDelivered(question, { signal: controller.signal })
    controller.abort()
    assert.equal((await answer).state, 'pending')
  })
})

describe('a node', () => {
  const text = (stringValue: string) => ({ stringValue })
  const labels = (values: Record<string, string>) => {
    const fields = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, text(value)]))
    return { fields: { labels: { structValue: { fields } } } }
  }

  test('belongs to the gateway of its metadata, else of its cluster', () => {
    const metadata = {
      fields: {
        gateway: text('edge'),
        labels: { structValue: { fields: { track: text('canary'), weight: { numberValue: 2 } } } },
        addresses: { listValue: { values: [text('10.0.0.1')] } },
      },
    }
    const build = { version: { major_number: 1, minor_number: 40 } }
    assert.deepEqual(identify({ id: 'n', cluster: 'c', metadata, user_agent_build_version: build }), {
      id: 'n',
      gateway: 'edge',
      labels: { track: 'canary', weight: '2' },
      version: '1.40.0',
      addresses: ['10.0.0.1'],
    })
    const plain = identify({ id: 'n', cluster: 'c', user_agent_version: '9' })
    assert.deepEqual(plain, { id: 'n', gateway: 'c', labels: {}, version: '9', addresses: [] })
  })

  for (const [what, node] of Object.entries({
    'no node': undefined,
    'no id': { cluster: 'c' },
    'no gateway': { id: 'n' },
    'a long id': { id: 'n'.repeat(bounds.nodeTextLength + 1), cluster: 'c' },
    'a long version': { id: 'n', cluster: 'c', user_agent_version: '9'.repeat(bounds.nodeTextLength + 1) },
    'a long label': {
      id: 'n',
      cluster: 'c',
      metadata: labels({ track: 'x'.repeat(bounds.nodeTextLength + 1) }),
    },
  })) {
    test(`with ${what} is refused`, () => {
      const answer = identify(node)
      assert.equal('code' in answer && answer.code, 'INVALID_ARGUMENT')
    })
  }

  for (const bad of ['\u001b[31m', 'two\nlines', '\u202ereversed', '\u0000', '\u009b', '\u2028', '\ud800']) {
    const cases = {
      id: { id: bad, cluster: 'c' },
      gateway: { id: 'n', cluster: bad },
      labels: { id: 'n', cluster: 'c', metadata: labels({ [bad]: 'name' }) },
      'labels of value': { id: 'n', cluster: 'c', metadata: labels({ track: bad }) },
      addresses: {
        id: 'n',
        cluster: 'c',
        metadata: { fields: { addresses: { listValue: { values: [text(bad)] } } } },
      },
      version: { id: 'n', cluster: 'c', user_agent_version: bad },
    }
    for (const [what, node] of Object.entries(cases)) {
      test(`with ${JSON.stringify(bad)} in its ${what} is refused, and the reason does not repeat it`, () => {
        const answer = identify(node)
        assert.ok('code' in answer)
        assert.equal(answer.code, 'INVALID_ARGUMENT')
        assert.match(answer.message, new RegExp(`node's ${what.split(' ')[0]} .*control characters`))
        assert.ok(!answer.message.includes(bad))
      })
    }
  }

  test('may be named in any script', () => {
    assert.ok(!('code' in identify({ id: 'Grenze-Süd 東 🚪', cluster: 'c' })))
  })
})
