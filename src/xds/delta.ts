import type { EncodedResource } from '../envoy-api/encoded.ts'
import { bounds, type Violation } from './bounds.ts'
import type { Outstanding } from './exchange.ts'
import type { NodeMemory } from './memory.ts'
import { isPlainText } from './node.ts'
import { Session } from './session.ts'
import type { Changes, Snapshot } from './snapshot.ts'
import type { Subscription } from './subscription.ts'

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest` as proto-loader decodes it; empty fields are left out. */
export interface DeltaRequest {
  readonly node?: object
  readonly type_url?: string
  readonly resource_names_subscribe?: readonly string[]
  readonly resource_names_unsubscribe?: readonly string[]
  readonly initial_resource_versions?: Readonly<Record<string, string>>
  readonly response_nonce?: string
  readonly error_detail?: { readonly code?: number; readonly message?: string }
}

/** One `DeltaDiscoveryResponse` to send. */
export interface DeltaResponse {
  readonly type: string
  readonly nonce: string
  readonly revision: number
  readonly upserts: readonly EncodedResource[]
  readonly removed: readonly string[]
}

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

/**
 * One stream of the delta variant of ADS (xDS protocol, "Incremental xDS"), as plain calls.
 *
 * For each type at most one response is outstanding. When it is answered, the difference to the newest snapshot
 * follows, so a slow client skips what it missed. An answer with another nonce than the outstanding one is
 * void, but its subscriptions count.
 */
export class DeltaStream {
  readonly session: Session
  readonly #noncePrefix: string
  #nonces = 0

  /** `noncePrefix` differs from stream to stream, so that no answer can be taken for that of another stream. */
  constructor(snapshot: Snapshot, memory: NodeMemory, noncePrefix = '') {
    this.session = new Session(snapshot, memory)
    this.#noncePrefix = noncePrefix
  }

  onRequest(request: DeltaRequest): Answer {
    const violation = violationOf(request) ?? this.#violationOf(request)
    if (violation !== undefined) return { kind: 'violation', ...violation }
    const type = request.type_url ?? ''
    const subscribe = request.resource_names_subscribe ?? []
    const known = this.session.subscription(type)
    if (known === undefined) {
      const held = new Map(Object.entries(request.initial_resource_versions ?? {}))
      const subscription = this.session.open(type, subscribe, held)
      // Envoy says "none at all" by naming the wildcard in both lists.
      subscription.unsubscribe(request.resource_names_unsubscribe ?? [])
      return { kind: 'none' }
    }
    const answer = this.#answer(known, request)
    known.subscribe(subscribe)
    known.unsubscribe(request.resource_names_unsubscribe ?? [])
    return answer
  }

  onSnapshot(snapshot: Snapshot, changes: Changes): void {
    this.session.retarget(snapshot, changes)
  }

  /** Everything that may be sent now, in order; it counts as sent. */
  advance(): DeltaResponse[] {
    const responses: DeltaResponse[] = []
    for (let due = this.session.due(); due !== undefined; due = this.session.due()) {
      const nonce = `${this.#noncePrefix}${++this.#nonces}`
      const { subscription, revision, upserts, removed } = due
      this.session.sent(due, nonce)
      responses.push({ type: subscription.type, nonce, revision, upserts, removed })
    }
    return responses
  }

  #answer(subscription: Subscription, request: DeltaRequest): Answer {
    const outstanding = subscription.outstanding
    if (outstanding === undefined || outstanding.nonce !== request.response_nonce) return { kind: 'none' }
    const { nonce, revision } = outstanding
    const type = subscription.type
    if (request.error_detail === undefined) {
      subscription.ack()
      return { kind: 'ack', type, nonce, revision }
    }
    const error = (request.error_detail.message ?? '').slice(0, bounds.nackLength)
    const parked = subscription.nack(error)
    return { kind: 'nack', type, nonce, resources: namesOf(outstanding), error, parked }
  }

  #violationOf(request: DeltaRequest): Violation | undefined {
    const subscription = this.session.subscription(request.type_url ?? '')
    if (subscription === undefined && this.session.typeCount >= bounds.typesPerStream) {
      return exhausted(`a stream may ask for at most ${bounds.typesPerStream} resource types`)
    }
    const known = subscription?.interest.names
    const added = (request.resource_names_subscribe ?? []).filter((name) => known?.has(name) !== true)
    const brought = subscription === undefined ? Object.entries(request.initial_resource_versions ?? {}) : []
    const more = [...added, ...brought.map(([name, version]) => name + version)]
    if (this.session.bytes + bytesOf(more) > bounds.bytesPerStream) {
      return exhausted(`a stream may take at most ${bounds.bytesPerStream} bytes for names and versions`)
    }
    if ((known?.size ?? 0) + added.length > bounds.namesPerSubscription) {
      return exhausted(`a stream may subscribe to at most ${bounds.namesPerSubscription} names of one type`)
    }
    return undefined
  }
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + bounds.bytesPerName + text.length, 0)
}

function namesOf(outstanding: Outstanding): string[] {
  return [...outstanding.upserts.map(({ name }) => name), ...outstanding.removed]
}

function violationOf(request: DeltaRequest): Violation | undefined {
  const type = request.type_url ?? ''
  if (type === '') return invalid('type_url is empty; an aggregated stream needs it in every request')
  if (type.length > bounds.typeLength || !isPlainText(type)) {
    return invalid(`type_url has more than ${bounds.typeLength} characters, or control characters`)
  }
  const versions = Object.entries(request.initial_resource_versions ?? {})
  const lists = {
    resource_names_subscribe: request.resource_names_subscribe ?? [],
    resource_names_unsubscribe: request.resource_names_unsubscribe ?? [],
    initial_resource_versions: versions.map(([name]) => name),
  }
  for (const [field, names] of Object.entries(lists)) {
    if (names.length > bounds.namesPerRequest) {
      return exhausted(`${field} has ${names.length} names; at most ${bounds.namesPerRequest} are taken`)
    }
    const wrong = names.find((name) => name === '' || name.length > bounds.nameLength)
    if (wrong !== undefined) {
      return invalid(`${field} has a name that is empty or longer than ${bounds.nameLength} characters`)
    }
  }
  if (versions.some(([, version]) => version.length > bounds.versionLength)) {
    return invalid(`initial_resource_versions has a version of more than ${bounds.versionLength} characters`)
  }
  return undefined
}

function exhausted(message: string): Violation {
  return { code: 'RESOURCE_EXHAUSTED', message }
}

function invalid(message: string): Violation {
  return { code: 'INVALID_ARGUMENT', message }
}
