import type { Nack } from './session.ts'
import type { Track, TrackStep } from './track.ts'

/** What happened on the way of an Envoy, as it is told live. */
export type Happening =
  | { readonly kind: 'sent' | 'acked'; readonly revision: number }
  | { readonly kind: 'warming'; readonly revision: number; readonly clusters: readonly string[] }
  | { readonly kind: 'nacked'; readonly revision: number; readonly nacks: readonly Nack[] }
  /** `by` came before the Envoy had all of `revision`. */
  | { readonly kind: 'superseded'; readonly revision: number; readonly by: number }

/** What one look at a stream told, in the order in which it happened; what is tried again is told where it ends otherwise. */
export function happenings(before: Track, after: Track): Happening[] {
  const [old, now] = [before.at(-1), after.at(-1)]
  if (now === undefined || now === old) return []
  const { revision } = now
  const isNew = old === undefined || old.revision !== revision
  const all: Happening[] = []
  if (old !== undefined && isNew && isOpen(old))
    all.push({ kind: 'superseded', revision: old.revision, by: revision })
  const last = isNew ? undefined : old
  if (now.sentAt !== undefined && last?.sentAt === undefined) all.push({ kind: 'sent', revision })
  if (now.state === 'warming' && now.warming !== last?.warming)
    all.push({ kind: 'warming', revision, clusters: now.warming })
  if (now.state === 'acked' && last?.state !== 'acked') all.push({ kind: 'acked', revision })
  if (now.state === 'nacked' && now.nacks !== last?.nacks)
    all.push({ kind: 'nacked', revision, nacks: now.nacks })
  return all
}

function isOpen({ state, ackedAt }: TrackStep): boolean {
  return ackedAt === undefined && state !== 'nacked'
}
