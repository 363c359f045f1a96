import type { EncodedResource } from '../envoy-api/encoded.ts'
import { encode } from '../envoy-api/protos.ts'
import { typeUrls } from '../envoy-api/types.ts'
import { type AdsRequest, type AdsResponse, type AdsStream, type Answer, takeAnswer } from './answer.ts'
import type { Opening } from './exchange.ts'
import { type Claim, uncertain } from './held.ts'
import { listIn, resourcesIn, versionOf, versionOfNothing } from './holdings.ts'
import { Interest } from './interest.ts'
import type { NodeMemory } from './memory.ts'
import { type Due, Session } from './session.ts'
import { type Changes, joined, type ResourcesByName, resourcesOf, type Snapshot } from './snapshot.ts'
import type { Subscription } from './subscription.ts'
import { sotw } from './variant.ts'
import type { Versions } from './versions.ts'
import { type Demand, violationOf } from './violation.ts'

/** `envoy.service.discovery.v3.DiscoveryRequest` as proto-loader decodes it; empty fields are left out. */
export interface SotwRequest extends AdsRequest {
  readonly resource_names?: readonly string[]
  readonly version_info?: string
}

/** One `DiscoveryResponse` to send. */
export interface SotwResponse extends AdsResponse {
  /** Of everything that the client has of this type once it accepts: equal on every replica. */
  readonly version: string
  readonly content: readonly EncodedResource[]
}

/**
 * One stream of the state-of-the-world variant of ADS (xDS protocol, "Variants of the xDS Transport Protocol"), as
 * plain calls.
 *
 * A response of listeners or clusters holds all that the client is to have, and what is not in it is removed; one
 * of another type holds what is new. A request names all that the client wants; it may also answer a response, if its
 * nonce is that of the outstanding one. Removals of other types cannot be told: the client finds out itself, once
 * nothing refers to them.
 */
export class SotwStream implements AdsStream<SotwRequest, SotwResponse> {
  readonly session: Session
  readonly #versions: Versions
  readonly #noncePrefix: string
  /** Types of which the client has named something on this stream: from then on, no names mean none. */
  readonly #named = new Set<string>()
  #nonces = 0

  /** `noncePrefix` differs from stream to stream, so that no answer can be taken for that of another stream. */
  constructor(snapshot: Snapshot, memory: NodeMemory, versions: Versions, noncePrefix = '') {
    this.session = new Session(snapshot, memory, sotw)
    this.#versions = versions
    this.#noncePrefix = noncePrefix
  }

  onRequest(request: SotwRequest): Answer {
    const names = this.#namesIn(request)
    const violation = violationOf(this.#demandOf(request, names), this.session)
    if (violation !== undefined) return { kind: 'violation', ...violation }
    const type = request.type_url ?? ''
    if ((request.resource_names ?? []).length > 0) this.#named.add(type)
    const known = this.session.subscription(type)
    if (known === undefined) {
      this.session.open(type, this.#opening(type, names, request.version_info ?? ''))
      return { kind: 'none' }
    }
    const answer = takeAnswer(known, request)
    // An Envoy names all that it wants in each request, thousands of names in each acknowledgement.
    if (known.interest.names.are(names) && !known.interest.wildcard) return answer
    known.subscribe(added(known, names))
    known.unsubscribe(dropped(known, names))
    return answer
  }

  onSnapshot(snapshot: Snapshot, changes: Changes): void {
    this.session.retarget(snapshot, changes)
  }

  advance(): SotwResponse[] {
    const responses: SotwResponse[] = []
    for (let due = this.session.due(); due !== undefined; due = this.session.due()) {
      const nonce = `${this.#noncePrefix}${++this.#nonces}`
      const response = this.#response(due, nonce)
      this.session.sent(due, nonce)
      if (response !== undefined) responses.push(response)
      // There are no words for it, so it is as good as done.
      else due.subscription.ack()
    }
    return responses
  }

  #response(due: Due, nonce: string): SotwResponse | undefined {
    const { subscription, removed } = due
    const { type, interest } = subscription
    const whole = sotw.holdsAll(type)
    const news = whole ? [] : joined(due.upserts, [...due.restored, ...substitutes(due)])
    if (!whole && news.length === 0) return undefined
    const holdings = subscription.after(due)
    const version = versionOf(holdings, interest)
    this.#versions.put(type, version, holdings, interest)
    const content = whole ? listIn(holdings, interest) : news
    const removals = whole ? removed.length : 0
    return { type, nonce, version, content, resources: content.length, removals }
  }

  /** What the client wants; only of clusters and listeners it may want all without saying so. */
  #namesIn({ type_url: type = '', resource_names: names = [] }: SotwRequest): readonly string[] {
    return names.length === 0 && sotw.holdsAll(type) && !this.#named.has(type) ? ['*'] : names
  }

  #opening(type: string, names: readonly string[], version: string): Opening {
    if (version === '') return { names, held: new Map(), complete: false, returning: false }
    const target = resourcesOf(this.session.snapshot, type)
    const interest = interestIn(names, target)
    const holdings = { base: target, exceptions: new Map() }
    const equal = versionOf(holdings, interest) === version
    const held = equal ? claims(resourcesIn(holdings, interest)) : this.#meaning(type, version)
    if (held !== undefined) return { names, held, complete: true, returning: true }
    // It has some version of these, or none; what is not among them is sent because it asks.
    const gone = [...interest.names].filter((name) => !target.has(name))
    const unknown = sotw.holdsAll(type) ? [...resourcesIn(holdings, interest)].map(({ name }) => name) : gone
    const doubts = new Map<string, Claim>(unknown.map((name) => [name, uncertain]))
    return { names, held: doubts, complete: false, returning: true }
  }

  #meaning(type: string, version: string): Map<string, Claim> | undefined {
    return version === versionOfNothing ? new Map() : this.#versions.get(type, version)
  }

  #demandOf(request: SotwRequest, names: readonly string[]): Demand {
    const type = request.type_url ?? ''
    const known = this.session.subscription(type)
    const isKnown = known?.interest.names.are(names) === true
    return {
      type,
      names: { resource_names: request.resource_names ?? [] },
      versions: { version_info: [request.version_info ?? ''] },
      added: isKnown ? [] : names.filter((name) => known?.interest.names.has(name) !== true),
      total: names.length,
      brought: [],
    }
  }
}

/**
 * For endpoints that the client waits for and that it is not known to have: none. Unlike delta, this variant cannot say
 * that there is no such resource, and for 15 s Envoy would neither have nor acknowledge a cluster.
 */
function substitutes({ subscription, absences }: Due): EncodedResource[] {
  return subscription.type === typeUrls.endpoints ? absences.map(noEndpoints) : []
}

function noEndpoints(name: string): EncodedResource {
  const value = encode('envoy.config.endpoint.v3.ClusterLoadAssignment', { cluster_name: name })
  return { name, version: '', any: encode('google.protobuf.Any', { type_url: typeUrls.endpoints, value }) }
}

function claims(resources: Iterable<EncodedResource>): Map<string, Claim> {
  return new Map([...resources].map((resource) => [resource.name, resource]))
}

function interestIn(names: readonly string[], existing: ResourcesByName): Interest {
  const interest = new Interest()
  interest.wildcard = names.includes('*')
  for (const name of names) if (name !== '*') interest.add(name, existing)
  return interest
}

function added({ interest }: Subscription, names: readonly string[]): string[] {
  return names.filter((name) => (name === '*' ? !interest.wildcard : !interest.names.has(name)))
}

function dropped({ interest }: Subscription, names: readonly string[]): string[] {
  const wanted = new Set(names)
  const gone = [...interest.names].filter((name) => !wanted.has(name))
  return interest.wildcard && !wanted.has('*') ? ['*', ...gone] : gone
}
