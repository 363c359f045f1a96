import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { eventLine } from '../../src/cli/event-line.ts'
import type { FleetEvent } from '../../src/model/fleet-event.ts'
import type { HeldRow } from '../../src/model/held-row.ts'

const at = '2026-01-01T00:00:00.000Z'
const row: HeldRow = {
  ...{ kind: 'Route', name: 'odd', revision: 7, inForce: 4, pointer: '/spec/match/path/regex' },
  ...{ error: 'bad range', gateway: 'edge', node: 'edge-1', type: 'route', resource: 'edge/http', since: at },
}
const ill = {
  type: 'cluster_health',
  at,
  gateway: 'edge',
  cluster: 'shop',
  id: 'edge-1',
  healthy: 0,
  total: 3,
} as const
const rollout = { type: 'rollout_moved', at, gateway: 'edge', revision: 9, base: 8, wave: 1 } as const

const lines: [FleetEvent, string][] = [
  [
    { type: 'quarantined', at, row },
    'quarantined    Route/odd /spec/match/path/regex: held back: revision 4 of it stays in force; edge/edge-1 refuses route edge/http: bad range',
  ],
  [
    { type: 'quarantined', at, row: { ...row, pointer: '', inForce: null } },
    'quarantined    Route/odd: held back: nothing of it is in force; edge/edge-1 refuses route edge/http: bad range',
  ],
  [
    { type: 'quarantine_disputed', at, row },
    'quarantine_disputed  Route/odd of revision 7, refused as route edge/http: another Envoy has it in force; it is held back no longer',
  ],
  [
    { type: 'released', at, row },
    'released       Route/odd of revision 7, refused as route edge/http: it is held back no longer',
  ],
  [{ ...rollout, state: 'running', reason: '' }, 'rollout_moved  edge  revision 9: running, wave 1'],
  [
    { ...rollout, wave: 2, state: 'halted', reason: 'halted by hand' },
    'rollout_moved  edge  revision 9: halted, wave 2: halted by hand',
  ],
  [
    { ...rollout, state: 'reverted', reason: 'aborted by hand' },
    'rollout_moved  edge  revision 9: reverted, wave 1, the Envoys go back to 8: aborted by hand',
  ],
  [
    { ...rollout, base: 9, state: 'done', reason: 'all waves are through' },
    'rollout_moved  edge  revision 9: done: all waves are through',
  ],
  [{ ...ill, state: 'down' }, 'cluster_health  edge  shop has no healthy endpoint: 0 of 3 healthy at edge-1'],
  [{ ...ill, state: 'panic' }, 'cluster_health  edge  shop is in panic: 0 of 3 healthy at edge-1'],
  [
    { ...ill, state: 'recovered', healthy: 3 },
    'cluster_health  edge  shop is well again: 3 of 3 healthy at edge-1',
  ],
]

describe('an event as a line', () => {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream
  for (const [event, line] of lines) {
    test(line, () => assert.equal(eventLine(event, stream), `${at}  ${line}\n`))
  }
})
