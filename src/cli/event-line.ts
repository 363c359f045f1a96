import type { FleetEvent } from '../model/fleet-event.ts'
import type { HeldRow } from '../model/held-row.ts'
import { style } from './output.ts'
import { printable } from './text.ts'
import { heldBackLine, nackLines } from './write-result.ts'

const colours: Partial<Record<FleetEvent['type'], 'cyan' | 'dim' | 'green' | 'red' | 'yellow'>> = {
  sent: 'cyan',
  warming: 'yellow',
  acked: 'green',
  nacked: 'red',
  disconnected: 'yellow',
  quarantined: 'red',
  quarantine_disputed: 'yellow',
  released: 'green',
  lost: 'red',
}

const width = 'rollout_moved'.length

/** An event for a person: when, what, who, and what more there is to say. */
export function eventLine(event: FleetEvent, stream: NodeJS.WriteStream): string {
  const word = event.type.padEnd(width)
  const colour = colours[event.type]
  const shown = colour === undefined ? word : style(stream, colour, word)
  return `${event.at}  ${shown}  ${printable(textOf(event))}\n`
}

function textOf(event: FleetEvent): string {
  const who = 'peer' in event ? `${event.gateway}/${event.id}` : ''
  switch (event.type) {
    case 'revision':
      return `revision ${event.revision}`
    case 'sent':
    case 'acked':
      return `${who}  revision ${event.revision}`
    case 'warming':
      return `${who}  revision ${event.revision}: ${event.clusters.join(', ')}`
    case 'nacked':
      return `revision ${event.revision}: ${nackLines({ ...event, state: 'nacked' }).join('; ')}`
    case 'superseded':
      return `${who}  revision ${event.revision}, by ${event.by}`
    case 'connected':
      return `${who}  from ${event.peer}, Envoy ${event.version}, ${event.protocol}`
    case 'disconnected':
      return `${who}  from ${event.peer}: ${event.reason}`
    case 'quarantined':
      return heldBackLine(event.row)
    case 'quarantine_disputed':
      return `${formText(event.row)}: another Envoy has it in force; it is held back no longer`
    case 'released':
      return `${formText(event.row)}: it is held back no longer`
    case 'breaker_moved':
      return breakerLine(event)
    case 'rollout_moved':
      return rolloutLine(event)
    case 'lost':
      return `some events are lost: ${event.remedy}`
  }
}

function formText({ kind, name, revision, type, resource }: HeldRow): string {
  return `${kind}/${name} of revision ${revision}, refused as ${type} ${resource}`
}

function breakerLine(event: Extract<FleetEvent, { type: 'breaker_moved' }>): string {
  const { cluster, from, to, cause, author, message } = event
  const why = author === undefined ? causes[cause] : `by ${author}${message ? `: ${message}` : ''}`
  return `${cluster}  ${from} -> ${to}, ${why}`
}

const causes: Record<Extract<FleetEvent, { type: 'breaker_moved' }>['cause'], string> = {
  new: 'new',
  outcomes: 'too many requests failed',
  time: 'its time is over',
  probe_failed: 'a probe failed',
  probes_succeeded: 'the probes succeeded',
  hand: 'by hand',
}

function rolloutLine(event: Extract<FleetEvent, { type: 'rollout_moved' }>): string {
  const { gateway, revision, base, state, wave, reason } = event
  const why = reason === '' ? '' : `: ${reason}`
  if (state === 'done') return `${gateway}  revision ${revision}: done${why}`
  const from = state === 'reverting' || state === 'reverted' ? `, the Envoys go back to ${base}` : ''
  return `${gateway}  revision ${revision}: ${state}, wave ${wave}${from}${why}`
}
