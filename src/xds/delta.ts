import type { EncodedResource } from '../envoy-api/encoded.ts'
import { type AdsRequest, type AdsResponse, type AdsStream, type Answer, takeAnswer } from './answer.ts'
import type { NodeMemory } from './memory.ts'
import { Session } from './session.ts'
import { type Changes, joined, type Snapshot } from './snapshot.ts'
import { delta } from './variant.ts'
import { type Demand, violationOf } from './violation.ts'

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest` as proto-loader decodes it; empty fields are left out. */
export interface DeltaRequest extends AdsRequest {
  readonly resource_names_subscribe?: readonly string[]
  readonly resource_names_unsubscribe?: readonly string[]
  readonly initial_resource_versions?: Readonly<Record<string, string>>
}

/** One `DeltaDiscoveryResponse` to send. */
export interface DeltaResponse extends AdsResponse {
  readonly revision: number
  readonly upserts: readonly EncodedResource[]
  readonly removed: readonly string[]
}

/**
 * One stream of the delta variant of ADS (xDS protocol, "Incremental xDS"), as plain calls.
 *
 * For each type at most one response is outstanding. When it is answered, the difference to the newest snapshot
 * follows, so a slow client skips what it missed. An answer with another nonce than the outstanding one is
 * void, but its subscriptions count.
 */
export class DeltaStream implements AdsStream<DeltaRequest, DeltaResponse> {
  readonly session: Session
  readonly #noncePrefix: string
  #nonces = 0

  /** `noncePrefix` differs from stream to stream, so that no answer can be taken for that of another stream. */
  constructor(snapshot: Snapshot, memory: NodeMemory, noncePrefix = '') {
    this.session = new Session(snapshot, memory, delta)
    this.#noncePrefix = noncePrefix
  }

  onRequest(request: DeltaRequest): Answer {
    const violation = violationOf(this.#demandOf(request), this.session)
    if (violation !== undefined) return { kind: 'violation', ...violation }
    const type = request.type_url ?? ''
    const subscribe = request.resource_names_subscribe ?? []
    const unsubscribe = request.resource_names_unsubscribe ?? []
    const known = this.session.subscription(type)
    if (known === undefined) {
      const held = new Map(Object.entries(request.initial_resource_versions ?? {}))
      const names = subscribe.length === 0 ? ['*'] : subscribe
      const subscription = this.session.open(type, {
        names,
        held,
        complete: held.size > 0,
        returning: held.size > 0,
      })
      // Envoy says "none at all" by naming the wildcard in both lists.
      subscription.unsubscribe(unsubscribe)
      return { kind: 'none' }
    }
    const answer = takeAnswer(known, request)
    known.subscribe(subscribe)
    known.unsubscribe(unsubscribe)
    return answer
  }

  onSnapshot(snapshot: Snapshot, changes: Changes): void {
    this.session.retarget(snapshot, changes)
  }

  advance(): DeltaResponse[] {
    const responses: DeltaResponse[] = []
    for (let due = this.session.due(); due !== undefined; due = this.session.due()) {
      const nonce = `${this.#noncePrefix}${++this.#nonces}`
      const { subscription, revision, removed } = due
      const upserts = joined(due.upserts, due.restored)
      this.session.sent(due, nonce)
      const counts = { resources: upserts.length, removals: removed.length }
      responses.push({ type: subscription.type, nonce, revision, upserts, removed, ...counts })
    }
    return responses
  }

  #demandOf(request: DeltaRequest): Demand {
    const type = request.type_url ?? ''
    const known = this.session.subscription(type)
    const subscribe = request.resource_names_subscribe ?? []
    const added = subscribe.filter((name) => known?.interest.names.has(name) !== true)
    const initial = Object.entries(request.initial_resource_versions ?? {})
    return {
      type,
      names: {
        resource_names_subscribe: subscribe,
        resource_names_unsubscribe: request.resource_names_unsubscribe ?? [],
        initial_resource_versions: initial.map(([name]) => name),
      },
      versions: { initial_resource_versions: initial.map(([, version]) => version) },
      added,
      total: (known?.interest.names.size ?? 0) + added.length,
      brought: known === undefined ? initial.map(([name, version]) => name + version) : [],
    }
  }
}
