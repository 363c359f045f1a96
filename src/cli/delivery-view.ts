import type { FleetEvent } from '../model/fleet-event.ts'
import type { EnvoyReceipt, Receipt } from '../model/receipt.ts'

/** What is known of one revision on its way, kept true by events. */
export interface DeliveryView {
  readonly revision: number
  readonly envoys: readonly EnvoyReceipt[]
}

export function viewOf(revision: number, { envoys }: Pick<Receipt, 'envoys'>): DeliveryView {
  return { revision, envoys }
}

/** The view after an event; one of an Envoy of another gateway, or of an older revision, changes nothing. */
export function seen(view: DeliveryView, event: FleetEvent): DeliveryView {
  if (!('peer' in event) || !view.envoys.some(({ gateway }) => gateway === event.gateway)) return view
  const { gateway, id, peer } = event
  const known = view.envoys.find((each) => isSame(each, { gateway, id, peer }))
  if (event.type === 'connected') return known === undefined ? withNew(view, { gateway, id, peer }) : view
  if (known === undefined || ('revision' in event && event.revision < view.revision)) return view
  const next = moved(known, event, view.revision)
  return { ...view, envoys: view.envoys.map((each) => (each === known ? next : each)) }
}

type EnvoyId = Pick<EnvoyReceipt, 'gateway' | 'id'> & { peer?: string | undefined }

function isSame(a: EnvoyId, b: EnvoyId): boolean {
  return a.gateway === b.gateway && a.id === b.id && a.peer === b.peer
}

/** It takes the place of the one that was expected, or that left. */
function withNew(view: DeliveryView, envoy: { gateway: string; id: string; peer: string }): DeliveryView {
  const isAway = (each: EnvoyReceipt) => each.peer === undefined || each.disconnectedAt !== undefined
  const others = view.envoys.filter(
    (each) => each.gateway !== envoy.gateway || each.id !== envoy.id || !isAway(each),
  )
  return { ...view, envoys: [...others, { ...envoy, state: 'pending' }] }
}

function moved(
  envoy: EnvoyReceipt,
  event: Exclude<Extract<FleetEvent, { peer: string }>, { type: 'connected' }>,
  revision: number,
): EnvoyReceipt {
  if (isDone(envoy)) return event.type === 'disconnected' ? { ...envoy, disconnectedAt: event.at } : envoy
  const { gateway, id, peer } = event
  const by = 'revision' in event && event.revision > revision ? { by: event.revision } : {}
  const base = { gateway, id, peer, ...by }
  switch (event.type) {
    case 'sent':
      return { ...base, state: 'sent', sentAt: event.at }
    case 'warming':
      return { ...base, state: 'warming', warming: event.clusters }
    case 'acked':
      return { ...base, state: 'by' in base ? 'superseded' : 'acked', ackedAt: event.at }
    case 'nacked':
      return { ...base, state: 'nacked', nacks: event.nacks }
    case 'superseded':
      return { ...envoy, by: event.by }
    case 'disconnected':
      return { ...base, state: 'not_connected', disconnectedAt: event.at }
  }
}

/** It has the revision, or a later one. */
export function isDone({ state }: EnvoyReceipt): boolean {
  return state === 'acked' || state === 'superseded'
}
