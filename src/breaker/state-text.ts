import type { BreakerState, Cause, Note, StateName } from './state.ts'

/**
 * A state as a store keeps it, and as replicas tell it each other: words with a space between, numbers in full, `-` for
 * nothing. `machine.lua` reads and writes the same.
 */
export function stateText(state: BreakerState): string {
  const { name, generation, since, seen, hold, last, successes, places, cause, note, ring } = state
  const numbers = [generation, since, seen, hold ?? '-', last, successes]
  const list = places.map(({ id, until }) => `${id}:${until}`).join(',')
  return [name, ...numbers, list || '-', cause, noteText(note), ring || '-'].join(' ')
}

/** The state of such a text; nothing where it is none. */
export function readState(text: string): BreakerState | undefined {
  const words = shape.exec(text)?.groups
  if (words === undefined) return undefined
  const { hold = '-', places = '-', note = '-', ring = '-' } = words
  const numbers = [words.generation, words.since, words.seen, words.last, words.successes].map(Number)
  const [generation, since, seen, last, successes] = numbers as [number, number, number, number, number]
  return {
    name: words.name as StateName,
    ...{ generation, since, seen, last, successes },
    hold: hold === '-' ? undefined : hold === 'hand' ? hold : Number(hold),
    places: places === '-' ? [] : places.split(',').map(placeOf),
    cause: words.cause as Cause,
    note: note === '-' ? undefined : noteOf(note),
    ring: ring === '-' ? '' : ring,
  }
}

const names: readonly StateName[] = ['closed', 'open', 'half_open']
const causes: readonly Cause[] = [
  ...(['new', 'outcomes', 'time', 'probe_failed', 'probes_succeeded', 'hand'] as const),
]

const number = '\\d{1,16}'
const shape = new RegExp(
  [
    `^(?<name>${names.join('|')})`,
    `(?<generation>${number})`,
    `(?<since>-?${number})`,
    `(?<seen>${number})`,
    `(?<hold>-|hand|-?${number})`,
    `(?<last>${number})`,
    '(?<successes>\\d{1,9})',
    `(?<places>-|${number}:-?${number}(?:,${number}:-?${number})*)`,
    `(?<cause>${causes.join('|')})`,
    '(?<note>-|[A-Za-z0-9_-]{1,16384})',
    '(?<ring>-|[01]{1,10000})$',
  ].join(' '),
)

function placeOf(text: string) {
  const [id, until] = text.split(':').map(Number)
  return { id: id!, until: until! }
}

export function noteText(note: Note | undefined): string {
  return note === undefined
    ? '-'
    : Buffer.from(JSON.stringify([note.author, note.message])).toString('base64url')
}

function noteOf(text: string): Note | undefined {
  try {
    const [author, message] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[]
    return typeof author === 'string' && typeof message === 'string' ? { author, message } : undefined
  } catch {
    return undefined
  }
}
