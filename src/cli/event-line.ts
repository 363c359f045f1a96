import type { FleetEvent } from '../model/fleet-event.ts'
import { style } from './output.ts'
import { printable } from './text.ts'
import { nackLines } from './write-result.ts'

const colours: Partial<Record<FleetEvent['type'], 'cyan' | 'dim' | 'green' | 'red' | 'yellow'>> = {
  sent: 'cyan',
  warming: 'yellow',
  acked: 'green',
  nacked: 'red',
  disconnected: 'yellow',
  lost: 'red',
}

const width = 'disconnected'.length

/** An event for a person: when, what, who, and what more there is to say. */
export function eventLine(event: FleetEvent, stream: NodeJS.WriteStream): string {
  const word = event.type.padEnd(width)
  const colour = colours[event.type]
  const shown = colour === undefined ? word : style(stream, colour, word)
  return `${event.at}  ${shown}  ${printable(textOf(event))}\n`
}

function textOf(event: FleetEvent): string {
  const who = 'gateway' in event ? `${event.gateway}/${event.id}` : ''
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
    case 'lost':
      return `some events are lost: ${event.remedy}`
  }
}
