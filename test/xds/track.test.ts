import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Happening, happenings } from '../../src/xds/happening.ts'
import type { Nack } from '../../src/xds/session.ts'
import {
  inherited,
  keptSteps,
  noted,
  type Outcome,
  outcomeOf,
  type Progress,
  type Track,
} from '../../src/xds/track.ts'

const bad: Nack = { type: 'route', resource: 'r', error: 'bad' }
const progress = (revision: number, state: Progress['state'], more: Partial<Progress> = {}): Progress => {
  return { revision, state, nacks: [], sending: false, warming: [], ...more }
}
const unsent = (revision: number) => progress(revision, 'pending')
const sent = (revision: number) => progress(revision, 'pending', { sending: true })
const warming = (revision: number, ...clusters: string[]) =>
  progress(revision, 'pending', { sending: true, warming: clusters })
const acked = (revision: number) => progress(revision, 'acked')
const nacked = (revision: number, ...nacks: Nack[]) => progress(revision, 'nacked', { nacks })

/** Looks at the stream at 1, 2, 3, ... milliseconds. */
function travelled(looks: readonly Progress[]): { track: Track; told: Happening[] } {
  let track: Track = []
  const told: Happening[] = []
  for (const [index, look] of looks.entries()) {
    const next = noted(track, look, index + 1)
    told.push(...happenings(track, next))
    track = next
  }
  return { track, told }
}

interface Case {
  what: string
  looks: Progress[]
  told: string[]
  outcomes: Record<number, Outcome>
}

const cases: Case[] = [
  {
    what: 'sent and acknowledged; nothing is known of what was before, and of what is to come',
    looks: [unsent(5), sent(5), acked(5)],
    told: ['sent 5', 'acked 5'],
    outcomes: {
      4: { state: 'superseded', by: 5, ackedAt: 3 },
      5: { state: 'acked', sentAt: 2, ackedAt: 3 },
      6: { state: 'pending' },
    },
  },
  {
    what: 'a revision with nothing for this Envoy is acknowledged without times, and nothing is told',
    looks: [sent(5), acked(5), acked(6), acked(7), sent(8)],
    told: ['sent 5', 'acked 5', 'sent 8'],
    outcomes: {
      5: { state: 'acked', sentAt: 1, ackedAt: 2 },
      7: { state: 'acked' },
      8: { state: 'sent', sentAt: 5 },
    },
  },
  {
    what: 'clusters warm until they are acknowledged',
    looks: [warming(5, 'a', 'b'), warming(5, 'a', 'b'), warming(5, 'b'), sent(5), acked(5)],
    told: ['sent 5', 'warming 5 a,b', 'warming 5 b', 'acked 5'],
    outcomes: { 5: { state: 'acked', sentAt: 1, ackedAt: 5 } },
  },
  {
    what: 'while they warm it is said which, and since when',
    looks: [sent(5), warming(5, 'a'), warming(5, 'a')],
    told: ['sent 5', 'warming 5 a'],
    outcomes: { 5: { state: 'warming', sentAt: 1, warmingSince: 2, warming: ['a'] } },
  },
  {
    what: 'overtaken while it warms: both wait for the same clusters',
    looks: [warming(5, 'a'), progress(6, 'pending', { warming: ['a'] })],
    told: ['sent 5', 'warming 5 a', 'superseded 5 by 6', 'warming 6 a'],
    outcomes: {
      5: { state: 'warming', by: 6, warmingSince: 2, warming: ['a'], sentAt: 1 },
      6: { state: 'warming', warmingSince: 2, warming: ['a'] },
    },
  },
  {
    what: 'overtaken before anything of it was sent',
    looks: [acked(4), unsent(5), unsent(6), sent(7), acked(7)],
    told: ['acked 4', 'superseded 5 by 6', 'superseded 6 by 7', 'sent 7', 'acked 7'],
    outcomes: {
      4: { state: 'acked', ackedAt: 1 },
      5: { state: 'superseded', by: 7, ackedAt: 5 },
      6: { state: 'superseded', by: 7, ackedAt: 5 },
      7: { state: 'acked', sentAt: 4, ackedAt: 5 },
    },
  },
  {
    what: 'overtaken on its way',
    looks: [sent(5), sent(6), acked(6)],
    told: ['sent 5', 'superseded 5 by 6', 'sent 6', 'acked 6'],
    outcomes: {
      5: { state: 'superseded', by: 6, ackedAt: 3, sentAt: 1 },
      6: { state: 'acked', sentAt: 2, ackedAt: 3 },
    },
  },
  {
    what: 'refused; the same again, by itself or with a later revision that has nothing for it, is not told again',
    looks: [sent(5), nacked(5, bad), sent(5), nacked(5, { ...bad }), nacked(6, { ...bad })],
    told: ['sent 5', 'nacked 5 r'],
    outcomes: {
      5: { state: 'nacked', sentAt: 1, nackedAt: 4, nacks: [bad] },
      6: { state: 'nacked', sentAt: 1, nackedAt: 4, nacks: [bad] },
    },
  },
  {
    what: 'refused, and mended by a later revision: the one stays refused, and the one between is overtaken',
    looks: [sent(5), nacked(5, bad), unsent(6), sent(7), acked(7)],
    told: ['sent 5', 'nacked 5 r', 'superseded 6 by 7', 'sent 7', 'acked 7'],
    outcomes: {
      5: { state: 'nacked', sentAt: 1, nackedAt: 2, nacks: [bad] },
      6: { state: 'superseded', by: 7, ackedAt: 5 },
      7: { state: 'acked', sentAt: 4, ackedAt: 5 },
    },
  },
  {
    what: 'overtaken by one that is refused',
    looks: [sent(5), sent(6), nacked(6, bad)],
    told: ['sent 5', 'superseded 5 by 6', 'sent 6', 'nacked 6 r'],
    outcomes: { 5: { state: 'nacked', by: 6, nackedAt: 3, nacks: [bad], sentAt: 1 } },
  },
  {
    what: 'it asks for something again after it had all: on its way now, and acknowledged once that is history',
    looks: [sent(5), acked(5), sent(5), sent(6)],
    told: ['sent 5', 'acked 5', 'sent 6'],
    outcomes: { 5: { state: 'acked', sentAt: 1, ackedAt: 2 } },
  },
  {
    what: 'back to an older revision, as where a rollout is reverted',
    looks: [acked(4), sent(5), acked(5), sent(4), acked(4)],
    told: ['acked 4', 'sent 5', 'acked 5', 'sent 4', 'acked 4'],
    outcomes: { 5: { state: 'acked', sentAt: 2, ackedAt: 3 }, 4: { state: 'acked', sentAt: 4, ackedAt: 5 } },
  },
]

function text(happening: Happening): string {
  const { kind, revision } = happening
  const more =
    kind === 'warming'
      ? ` ${happening.clusters.join()}`
      : kind === 'nacked'
        ? ` ${happening.nacks.map(({ resource }) => resource).join()}`
        : kind === 'superseded'
          ? ` by ${happening.by}`
          : ''
  return `${kind} ${revision}${more}`
}

describe('the way of an Envoy through the revisions', () => {
  for (const { what, looks, told, outcomes } of cases) {
    test(what, () => {
      const way = travelled(looks)
      assert.deepEqual(way.told.map(text), told)
      for (const [revision, outcome] of Object.entries(outcomes)) {
        assert.deepEqual(outcomeOf(way.track, Number(revision)), outcome, `revision ${revision}`)
      }
    })
  }

  test('a look that shows nothing new leaves the very same track', () => {
    for (const look of [unsent(5), sent(5), warming(5, 'a'), acked(5), nacked(5, bad)]) {
      const once = noted([], look, 1)
      assert.equal(noted(once, { ...look, nacks: look.nacks.map((nack) => ({ ...nack })) }, 2), once)
    }
  })

  test('it is bounded in steps, and in what is kept of old refusals', () => {
    const many = Array.from({ length: 100 }, (_, index): Nack => ({ ...bad, resource: `r${index}` }))
    const looks = Array.from({ length: keptSteps + 5 }, (_, index) => nacked(index, ...many.slice(index % 2)))
    const { track } = travelled(looks.flatMap((look) => [sent(look.revision), look]))
    assert.equal(track.length, keptSteps)
    const kept = track.map(({ nacks }) => nacks.length)
    assert.equal(kept.at(-1), 100)
    assert.deepEqual(new Set(kept.slice(0, -1)), new Set([4]))
  })

  test('a stream that is seen to end late leaves what it knew to the one that took its place', () => {
    const older = travelled([sent(5), acked(5), sent(7)]).track
    const newer = travelled([sent(7), acked(7)]).track
    const track = inherited(older, newer)
    assert.deepEqual(outcomeOf(track, 5), { state: 'acked', sentAt: 1, ackedAt: 2 })
    assert.deepEqual(outcomeOf(track, 7), { state: 'acked', sentAt: 1, ackedAt: 2 })
    assert.deepEqual(inherited(older, []), older)
  })
})
