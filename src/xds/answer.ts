import { bounds, type Violation } from './bounds.ts'
import type { Outstanding } from './exchange.ts'
import type { Session } from './session.ts'
import type { Changes, Snapshot } from './snapshot.ts'
import type { Subscription } from './subscription.ts'

/** What a request said about the response that it answers. */
export type Answer =
  | { readonly kind: 'none' }
  | { readonly kind: 'ack'; readonly type: string; readonly nonce: string; readonly revision: number }
  | {
      readonly kind: 'nack'
      readonly type: string
      readonly nonce: string
      readonly resources: string[]
      readonly error: string
      /** The one resource that is held back from now on; undefined while the culprit is being looked for. */
      readonly parked: string | undefined
    }
  | ({ readonly kind: 'violation' } & Violation)

/** What an Envoy made of a response, for whoever decides what its gateway is to have. */
export interface Verdict {
  readonly gateway: string
  /** A type URL. */
  readonly type: string
  /** The one resource that it refuses in this version; nothing where it accepted a response. */
  readonly refused?: {
    readonly node: string
    readonly resource: string
    readonly version: string
    readonly error: string
  }
}

/** The part of a request that both variants have, as proto-loader decodes it; empty fields are left out. */
export interface AdsRequest {
  readonly node?: object
  readonly type_url?: string
  readonly response_nonce?: string
  readonly error_detail?: { readonly code?: number; readonly message?: string }
}

/** The part of a response that both variants have. */
export interface AdsResponse {
  readonly type: string
  readonly nonce: string
  /** How many resources are in it, and how many the client loses by it. */
  readonly resources: number
  readonly removals: number
}

/** One ADS stream of either variant, as plain calls. */
export interface AdsStream<Request extends AdsRequest, Response extends AdsResponse> {
  readonly session: Session
  onRequest(request: Request): Answer
  onSnapshot(snapshot: Snapshot, changes: Changes): void
  /** Everything that may be sent now, in order; it counts as sent. */
  advance(): Response[]
}

/** Takes the request's word on the outstanding response; an answer with another nonce is void. */
export function takeAnswer(subscription: Subscription, request: AdsRequest): Answer {
  const outstanding = subscription.outstanding
  if (outstanding === undefined || outstanding.nonce !== request.response_nonce) return { kind: 'none' }
  const { nonce, revision } = outstanding
  const type = subscription.type
  if (request.error_detail === undefined) {
    subscription.ack()
    return { kind: 'ack', type, nonce, revision }
  }
  const error = shortened(withoutPem(request.error_detail.message ?? ''))
  const parked = subscription.nack(error)
  return { kind: 'nack', type, nonce, resources: namesOf(outstanding), error, parked }
}

function namesOf({ upserts, removed }: Outstanding): string[] {
  return [...upserts.map(({ name }) => name), ...removed]
}

/** What Envoy repeats of a secret may be the key; the end of a text may have been cut off. */
function withoutPem(message: string): string {
  return message.replace(/-----BEGIN.*?(-----END [A-Z0-9 ]*-----|$)/gs, '[redacted]')
}

/** Envoy first repeats the offending configuration, and says last what is wrong with it. */
function shortened(message: string): string {
  const { nackLength } = bounds
  if (message.length <= nackLength) return message
  return `${message.slice(0, nackLength / 4)} ... ${message.slice(5 - (nackLength * 3) / 4)}`
}
