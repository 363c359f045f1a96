import { messageOf } from '../errors.ts'
import type { Event, Observe } from '../observe.ts'

/** What somebody who watches `weir up` should see at once; everything is in the log file. */
type Teller = { [E in Event as E['event']]?: (event: E) => string }

const tell: Teller = {
  step: ({ step, detail }) => `${step}: ${detail}`,
  child_exited: ({ child, code, signal }) =>
    `${child} ended by itself (${signal ?? code}); it is being restarted`,
  store_unavailable: ({ error }) =>
    `PostgreSQL is away (${error}); what was served last goes on being served`,
  store_recovered: () => 'PostgreSQL is back',
  row_unreadable: ({ kind, name, error }) => `${kind}/${name} cannot be read and is left out: ${error}`,
  xds_refused: ({ node, reason }) => `Envoy ${node} was refused: ${reason}`,
  xds_nack: ({ gateway, node, type, resources, error }) =>
    `Envoy ${node} (gateway ${gateway}) refused ${type} ${resources.join(', ')}: ${error}`,
  failed: ({ where, error }) => `${where} failed: ${messageOf(error)}`,
}

/** Prints those events as lines; an event that repeats itself (an Envoy that is refused again) is told once. */
export function consoleObserver(line: (text: string) => void): Observe {
  let last = ''
  return (event) => {
    const text = tell[event.event]?.(event as never)
    if (text === undefined || text === last) return
    last = text
    line(text)
  }
}
