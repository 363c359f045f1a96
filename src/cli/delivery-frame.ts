import type { EnvoyReceipt } from '../model/receipt.ts'
import { type DeliveryView, isDone } from './delivery-view.ts'
import { printable } from './text.ts'

type Colour = 'cyan' | 'dim' | 'green' | 'red' | 'yellow'

export interface FrameOptions {
  columns: number
  /** Lines that there is room for. */
  rows: number
  seconds: number
  paint(colour: Colour, text: string): string
}

const order = [
  'nacked',
  'warming',
  'pending',
  'sent',
  'not_connected',
  'unknown',
  'superseded',
  'acked',
] as const

const colours: Record<EnvoyReceipt['state'], Colour> = {
  pending: 'dim',
  sent: 'cyan',
  warming: 'yellow',
  acked: 'green',
  nacked: 'red',
  superseded: 'green',
  not_connected: 'dim',
  unknown: 'dim',
}

/** The lines that show how far a revision is: the Envoys that need a look first, as many as there is room for. */
export function frameOf(view: DeliveryView, { columns, rows, seconds, paint }: FrameOptions): string[] {
  const head = cut(`${headline(view)} (${seconds.toFixed(1)} s)`, columns)
  const sorted = order.flatMap((state) => view.envoys.filter((envoy) => envoy.state === state))
  const room = Math.max(1, rows - 1)
  const shown = sorted.length > room ? sorted.slice(0, room - 1) : sorted
  const more = sorted.length - shown.length
  const nameWidth = Math.max(0, ...shown.map((envoy) => nameOf(envoy).length))
  const stateWidth = Math.max(0, ...shown.map(({ state }) => wordOf(state).length))
  const lines = shown.map((envoy) => {
    const name = nameOf(envoy).padEnd(nameWidth)
    const state = wordOf(envoy.state).padEnd(stateWidth)
    const line = cut(`${name}  ${state}  ${detailOf(envoy)}`.trimEnd(), columns)
    // Escapes take no room, so they come after the cut.
    const [before, painted] = [line.slice(0, nameWidth + 2), line.slice(nameWidth + 2)]
    const word = painted.slice(0, stateWidth)
    return word === '' ? line : `${before}${paint(colours[envoy.state], word)}${painted.slice(stateWidth)}`
  })
  return [head, ...lines, ...(more > 0 ? [cut(`and ${more} more`, columns)] : [])]
}

/** `revision 12: 3 of 5 Envoys have it`, with what is in the way. */
export function headline({ revision, envoys }: DeliveryView): string {
  const counted = envoys.filter(({ disconnectedAt }) => disconnectedAt === undefined)
  const done = counted.filter(isDone).length
  const refusing = counted.filter(({ state }) => state === 'nacked').length
  const envoysHave = counted.length === 1 ? 'Envoy has' : 'Envoys have'
  const refused = refusing > 0 ? `, ${refusing} refuse${refusing === 1 ? 's' : ''} a part` : ''
  return `revision ${revision}: ${done} of ${counted.length} ${envoysHave} it${refused}`
}

/** The same on one line for a log: with the first of those that are not done. */
export function reportLine(view: DeliveryView): string {
  const sorted = order.flatMap((state) => view.envoys.filter((envoy) => envoy.state === state))
  const [first] = sorted.filter((envoy) => !isDone(envoy))
  return first === undefined ? headline(view) : `${headline(view)}; ${lineOf(first)}`
}

/** `edge/edge-1: warming, cluster pay`. */
export function lineOf(envoy: EnvoyReceipt): string {
  const detail = detailOf(envoy)
  return `${nameOf(envoy)}: ${wordOf(envoy.state)}${detail === '' ? '' : `, ${detail}`}`
}

export function wordOf(state: EnvoyReceipt['state']): string {
  return state.replaceAll('_', ' ')
}

function nameOf({ gateway, id }: EnvoyReceipt): string {
  return printable(`${gateway}/${id}`)
}

const shownNames = 3

export function detailOf({ state, warming = [], nacks = [], by }: EnvoyReceipt): string {
  const on = by === undefined ? '' : `revision ${by}`
  if (state === 'warming') {
    const more = warming.length > shownNames ? ` and ${warming.length - shownNames} more` : ''
    const names = `cluster${warming.length === 1 ? '' : 's'} ${warming.slice(0, shownNames).join(', ')}${more}`
    return printable([names, on].filter((part) => part !== '').join(' of '))
  }
  if (state === 'nacked' && nacks.length > 0) {
    const [{ type, resource }] = nacks as [(typeof nacks)[number]]
    const more = nacks.length > 1 ? ` and ${nacks.length - 1} more` : ''
    return printable(`${type} ${resource}${more}`)
  }
  return state === 'superseded' ? `by ${on}` : on
}

function cut(line: string, columns: number): string {
  return line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}…` : line
}

/**
 * What a terminal is to be sent so that `next` stands where `previous` stood, with the cursor below it. Lines that stay are
 * not written again, so that nothing flickers. ECMA-48: CUU, EL, ED.
 */
export function redrawn(previous: readonly string[], next: readonly string[]): string {
  const up = previous.length > 0 ? `\r\u001b[${previous.length}A` : ''
  const lines = next.map((line, index) => (line === previous[index] ? '\n' : `${line}\u001b[K\n`))
  const below = previous.length > next.length ? '\u001b[J' : ''
  return `${up}${lines.join('')}${below}`
}
