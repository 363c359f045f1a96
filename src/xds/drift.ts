import { typeUrls } from '../envoy-api/types.ts'
import { absent, type HeldVersion } from './held.ts'
import { type Session, shortType } from './session.ts'
import { resourcesOf } from './snapshot.ts'
import type { Subscription } from './subscription.ts'

/** A resource of which an Envoy has something else than it should. */
export interface Deviation {
  /** Short name of the type, as in `typeUrls`. */
  readonly type: string
  readonly name: string
  /** `unknown`: the Envoy asked anew, or refused a response that it may have applied in part. */
  readonly is: 'missing' | 'unexpected' | 'other_version' | 'unknown'
  /** Version that it should have; null where it should have none. */
  readonly expected: string | null
  /** Version that it said it has: when its stream began, or by its acknowledgements since. */
  readonly actual: string | null
  /** `to_be_sent`: in its turn, make before break. `not_asked_for`: an Envoy asks for what it has use for. */
  readonly because: 'on_its_way' | 'to_be_sent' | 'refused' | 'not_asked_for'
}

/** What a stream's Envoy says that it has, against what it should have; nothing where the two are the same. */
export function deviationsOf(session: Session): Deviation[] {
  return Object.values(typeUrls).flatMap((type) => {
    const subscription = session.subscription(type)
    if (subscription !== undefined) return deviationsIn(subscription)
    return [...resourcesOf(session.snapshot, type)].map(([name, { version }]) => unasked(type, name, version))
  })
}

function deviationsIn(subscription: Subscription): Deviation[] {
  const { type, outstanding } = subscription
  const parked = new Set(subscription.parked().map(({ name }) => name))
  const { dirty, held, resources, interest } = subscription.view()
  const onTheWay = new Set([
    ...(outstanding?.upserts.map(({ name }) => name) ?? []),
    ...(outstanding?.removed ?? []),
  ])
  const names = [...new Set([...onTheWay, ...dirty, ...parked])].filter((name) => interest.wants(name))
  const told = names.flatMap((name): Deviation[] => {
    const expected = resources.get(name)?.version ?? null
    const is = kindOf(expected, held.get(name))
    if (is === undefined) return []
    const because = onTheWay.has(name) ? 'on_its_way' : parked.has(name) ? 'refused' : 'to_be_sent'
    return [{ type: shortType(type), name, is, expected, actual: versionOf(held.get(name)), because }]
  })
  if (interest.covers(resources)) return told
  const others = [...resources.values()].filter(({ name }) => !interest.wants(name))
  return [...told, ...others.map(({ name, version }) => unasked(type, name, version))]
}

function kindOf(expected: string | null, actual: HeldVersion): Deviation['is'] | undefined {
  if (actual === absent) return expected === null ? undefined : 'missing'
  if (typeof actual !== 'string') return 'unknown'
  if (expected === null) return 'unexpected'
  return actual === expected ? undefined : 'other_version'
}

function versionOf(held: HeldVersion): string | null {
  return typeof held === 'string' ? held : null
}

function unasked(type: string, name: string, expected: string): Deviation {
  return { type: shortType(type), name, is: 'missing', expected, actual: null, because: 'not_asked_for' }
}
