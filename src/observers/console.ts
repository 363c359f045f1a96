import { messageOf } from '../errors.ts'
import type { Event, Observe } from '../observe.ts'

/** What somebody who watches `weir up` should see at once; everything is in the log file. */
type Teller = { [E in Event as E['event']]?: (event: E) => string | undefined }

const tell: Teller = {
  step: ({ step, detail }) => `${step}: ${detail}`,
  child_exited: ({ child, code, signal }) =>
    `${child} ended by itself (${signal ?? code}); it is being restarted`,
  failed_open: ({ gateway, requests }) =>
    `${requests} question${requests === 1 ? '' : 's'} of gateway ${gateway} about a limit or a breaker passed without a decision: none came within its rateLimitService.timeout, or the question was refused, or its connection lost`,
  store_unavailable: ({ error }) =>
    `PostgreSQL is away (${error}); what was served last goes on being served`,
  store_recovered: () => 'PostgreSQL is back',
  row_unreadable: ({ kind, name, error }) =>
    `${kind}/${name} cannot be read, and is held as it was or left out: ${error}`,
  secret_unreadable: ({ secret }) =>
    `The secret ${secret} cannot be opened with the keys that this weir has: a placeholder is served in its place (docs/secrets.md)`,
  held_back: ({ gateway, kind, name, reason }) => `${kind}/${name} (gateway ${gateway}) ${reason}`,
  quarantined: ({ kind, name, pointer, error }) =>
    `${kind}/${name}${pointer === '' ? '' : ` ${pointer}`} is held back, since Envoy refuses it: ${error}`,
  quarantine_disputed: ({ kind, name, node }) =>
    `${kind}/${name} is held back no longer: Envoy ${node} refuses it, and another one has accepted it`,
  xds_refused: ({ node, peer, reason }) =>
    `${node === undefined ? 'An Envoy that names no node' : `Envoy ${node}`} (from ${peer}) was refused: ${reason}`,
  xds_tls_unusable: ({ reason }) => `xDS goes on with the certificate that it has: ${reason}`,
  address_ignored: ({ gateway, node, address, reason }) =>
    `Envoy ${node} (gateway ${gateway}) announces ${address}, which counts for nothing: it ${reason}`,
  xds_nack: ({ gateway, node, type, resources, error }) =>
    `Envoy ${node} (gateway ${gateway}) refused ${type} ${resources.join(', ')}: ${error}`,
  cluster_health: ({ gateway, cluster, state, id, healthy, total }) =>
    state === 'recovered'
      ? undefined
      : `Cluster ${cluster} ${state === 'down' ? 'has no healthy endpoint' : 'is in panic'} at gateway ${gateway}: ${healthy} of ${total} healthy at ${id}`,
  rollout_moved: ({ gateway, revision, state, reason }) =>
    state === 'reverting' ? `Revision ${revision} is reverted at gateway ${gateway}: ${reason}` : undefined,
  failed: ({ where, error }) => `${where} failed: ${messageOf(error)}`,
}

/** Lines that were told lately; an Envoy that is refused each second is told once, and again after a while. */
const rememberedLines = 64

/** Prints those events as lines, without what could steer a terminal: names and reasons come from peers. */
export function consoleObserver(line: (text: string) => void): Observe {
  const told = new Set<string>()
  return (event) => {
    const text = tell[event.event]?.(event as never)
    if (text === undefined || told.has(text)) return
    if (told.size >= rememberedLines) told.clear()
    told.add(text)
    line(text.replaceAll(/\p{Cc}/gu, ' '))
  }
}
