import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { heldNews } from '../../src/control/held-news.ts'
import { formOf, type Quarantine, type QuarantineEntry } from '../../src/model/quarantine.ts'

const row = (revision: number, more: Partial<QuarantineEntry> = {}): QuarantineEntry => ({
  ...{ kind: 'Route', name: 'odd', revision, pointer: '', error: 'bad', gateway: 'edge', node: 'edge-1' },
  ...{ type: 'route', resource: 'edge/http', version: 'x', since: '2026-01-01T00:00:00.000Z', named: [] },
  ...more,
})
const good = (revision: number) => ({
  good: { revision, document: { kind: 'Route', name: 'odd', owner: '', labels: {}, spec: {} } },
})
const looked = (held: QuarantineEntry[], accepted: QuarantineEntry[] = []): Quarantine => {
  return { held, accepted: new Set(accepted.map(formOf)) }
}
const again = { resource: 'edge/https' }

const cases: [string, Quarantine, Quarantine, string[]][] = [
  ['nothing where nothing changed', looked([row(2)]), looked([row(2)]), []],
  ['a row that is held back', looked([]), looked([row(2)]), ['quarantined 2 edge/http']],
  ['one that is held back no longer', looked([row(2)]), looked([]), ['released 2 edge/http']],
  [
    'another form that is held back, too',
    looked([row(2)]),
    looked([row(3)]),
    ['released 2 edge/http', 'quarantined 3 edge/http'],
  ],
  ['what is in force elsewhere', looked([row(2)]), looked([], [row(2)]), ['quarantine_disputed 2 edge/http']],
  ['nothing of what was never held', looked([]), looked([], [row(2)]), []],
  ['a second resource', looked([row(2)]), looked([row(2), row(2, again)]), ['quarantined 2 edge/https']],
  [
    'again what gives way to another form',
    looked([row(3, good(2))]),
    looked([row(3, good(1))]),
    ['quarantined 3 edge/http'],
  ],
]

describe('what two looks at what is held back tell', () => {
  for (const [title, before, now, wanted] of cases) {
    test(title, () => {
      const told = heldNews(before, now).map(({ type, row }) => `${type} ${row.revision} ${row.resource}`)
      assert.deepEqual(told, wanted)
    })
  }
})
