import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { frameOf, redrawn, reportLine } from '../../src/cli/delivery-frame.ts'
import { type DeliveryView, seen, viewOf } from '../../src/cli/delivery-view.ts'
import type { FleetEvent } from '../../src/model/fleet-event.ts'
import type { EnvoyReceipt } from '../../src/model/receipt.ts'

const at = '2026-01-01T00:00:00.000Z'
const envoy = (number: number, state: EnvoyReceipt['state'] = 'pending', more: object = {}): EnvoyReceipt => {
  return { gateway: 'edge', id: `edge-${number}`, peer: `127.0.0.1:${number}`, state, ...more }
}
const of = (number: number) => {
  const { gateway, id, peer } = envoy(number)
  return { at, gateway, id, peer: peer! }
}
const nacks = [
  { type: 'route', resource: 'edge/http', error: 'bad', rows: [{ kind: 'Route', name: 'shop' }] },
]

const options = { columns: 80, rows: 20, seconds: 1.23, paint: (_: string, text: string) => text }

/** State and detail of each Envoy after these events. */
function after(envoys: EnvoyReceipt[], ...events: FleetEvent[]): string[] {
  const view = events.reduce(seen, viewOf(12, { envoys }))
  return frameOf(view, options).slice(1)
}

describe('a revision on its way, as it is drawn', () => {
  test('events move an Envoy on; what is older, or of another gateway, does not', () => {
    const sent: FleetEvent = { type: 'sent', ...of(1), revision: 12 }
    const warming: FleetEvent = { type: 'warming', ...of(1), revision: 12, clusters: ['pay', 'users'] }
    const acked: FleetEvent = { type: 'acked', ...of(1), revision: 12 }
    assert.deepEqual(after([envoy(1)]), ['edge/edge-1  pending'])
    assert.deepEqual(after([envoy(1)], sent), ['edge/edge-1  sent'])
    assert.deepEqual(after([envoy(1)], sent, warming), ['edge/edge-1  warming  clusters pay, users'])
    assert.deepEqual(after([envoy(1)], sent, warming, acked), ['edge/edge-1  acked'])
    assert.deepEqual(after([envoy(1)], acked, sent), ['edge/edge-1  acked'])
    assert.deepEqual(after([envoy(1)], { ...sent, revision: 11 }), ['edge/edge-1  pending'])
    assert.deepEqual(after([envoy(1)], { ...sent, gateway: 'other' }), ['edge/edge-1  pending'])
    assert.deepEqual(after([envoy(1)], { ...sent, peer: '127.0.0.1:9' }), ['edge/edge-1  pending'])
  })

  test('a refusal names the resource', () => {
    const nacked: FleetEvent = { type: 'nacked', ...of(1), revision: 12, nacks }
    assert.deepEqual(after([envoy(1)], nacked), ['edge/edge-1  nacked  route edge/http'])
    const many = { ...nacked, nacks: [...nacks, ...nacks] }
    assert.deepEqual(after([envoy(1)], many), ['edge/edge-1  nacked  route edge/http and 1 more'])
  })

  test('a later revision that overtakes this one counts for it', () => {
    const overtaken: FleetEvent = { type: 'superseded', ...of(1), revision: 12, by: 13 }
    const sent: FleetEvent = { type: 'sent', ...of(1), revision: 13 }
    const warming: FleetEvent = { type: 'warming', ...of(1), revision: 13, clusters: ['pay'] }
    const acked: FleetEvent = { type: 'acked', ...of(1), revision: 13 }
    assert.deepEqual(after([envoy(1, 'sent')], overtaken), ['edge/edge-1  sent  revision 13'])
    assert.deepEqual(after([envoy(1)], overtaken, sent, warming), [
      'edge/edge-1  warming  cluster pay of revision 13',
    ])
    assert.deepEqual(after([envoy(1)], overtaken, sent, acked), ['edge/edge-1  superseded  by revision 13'])
  })

  test('an Envoy leaves and comes back at another port', () => {
    const left: FleetEvent = { type: 'disconnected', ...of(1), reason: 'gone' }
    const back: FleetEvent = {
      type: 'connected',
      ...of(1),
      peer: '127.0.0.1:7',
      version: '1',
      protocol: 'delta',
    }
    assert.deepEqual(after([envoy(1, 'sent')], left), ['edge/edge-1  not connected'])
    assert.deepEqual(after([envoy(1, 'sent')], left, back), ['edge/edge-1  pending'])
    assert.deepEqual(after([envoy(1, 'acked')], left, back), ['edge/edge-1  pending'])
    const expected = { gateway: 'edge', id: 'edge-1', state: 'pending' as const }
    assert.deepEqual(after([expected], back), ['edge/edge-1  pending'])
  })

  test('who needs a look comes first, in as many lines as there is room for', () => {
    const envoys = [
      ...Array.from({ length: 30 }, (_, index) => envoy(index + 10, 'acked')),
      envoy(1, 'sent'),
      envoy(2, 'warming', { warming: ['a', 'b', 'c', 'd'] }),
      envoy(3, 'nacked', { nacks }),
      envoy(4, 'not_connected', { disconnectedAt: at }),
    ]
    assert.deepEqual(frameOf(viewOf(12, { envoys }), { ...options, rows: 7 }), [
      'revision 12: 30 of 33 Envoys have it, 1 refuses a part (1.2 s)',
      'edge/edge-3   nacked         route edge/http',
      'edge/edge-2   warming        clusters a, b, c and 1 more',
      'edge/edge-1   sent',
      'edge/edge-4   not connected',
      'edge/edge-10  acked',
      'and 29 more',
    ])
    assert.equal(
      reportLine(viewOf(12, { envoys })),
      'revision 12: 30 of 33 Envoys have it, 1 refuses a part; edge/edge-3: nacked, route edge/http',
    )
    assert.equal(reportLine(viewOf(12, { envoys: [envoy(1, 'acked')] })), 'revision 12: 1 of 1 Envoy has it')
  })

  test('no line is wider than the terminal, whatever is painted, and nothing in it is obeyed', () => {
    const view: DeliveryView = viewOf(12, {
      envoys: [
        {
          ...envoy(1, 'warming', { warming: [`${'x'.repeat(60)}\u001b[2J`] }),
          id: `\u001b]0;${'y'.repeat(20)}`,
        },
        envoy(2, 'acked'),
      ],
    })
    const paint = (colour: string, text: string) => `<${colour}>${text}</>`
    for (let columns = 1; columns <= 120; columns++) {
      for (const line of frameOf(view, { ...options, columns, paint })) {
        assert.ok(line.replaceAll(/<[a-z]*>|<\/>/g, '').length <= columns, line)
        assert.doesNotMatch(line, /\p{Cc}/u)
      }
    }
  })
})

describe('drawing in place', () => {
  /** What a terminal shows that is sent these texts: the sequences that are used, and no others. */
  function shown(texts: string[]): string[] {
    let lines: string[] = ['']
    let at = 0
    for (const text of texts) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is spoken to by them.
      for (const part of text.match(/\u001b\[(\d*)([AKJ])|\n|\r|[^\u001b\n\r]+/g) ?? []) {
        if (part === '\n') {
          at++
          lines[at] ??= ''
        } else if (part.endsWith('A') && part.startsWith('\u001b')) at -= Number(part.slice(2, -1))
        else if (part === '\u001b[J') lines = [...lines.slice(0, at), '']
        else if (part !== '\u001b[K' && part !== '\r') lines[at] = part
      }
    }
    return lines.slice(0, -1)
  }

  test('each frame takes the place of the one before, longer or shorter', () => {
    const frames = [['a', 'b'], ['a', 'c', 'd'], ['e'], ['e', 'f'], []]
    for (let count = 1; count <= frames.length; count++) {
      const drawn = frames.slice(0, count)
      const texts = drawn.map((frame, index) => redrawn(drawn[index - 1] ?? [], frame))
      assert.deepEqual(shown(texts), drawn.at(-1))
    }
  })

  test('a line that stays is not written again', () => {
    assert.equal(redrawn(['same', 'old'], ['same', 'new']), '\r\u001b[2A\nnew\u001b[K\n')
    assert.equal(redrawn([], []), '')
  })
})
