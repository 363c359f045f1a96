import { any, duration } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { domainOf, entryKey, policyEntry } from '../../model/descriptor.ts'
import type { Document } from '../../model/document.ts'
import { milliseconds } from '../../model/duration.ts'
import type { KeyPart, LimitRule } from '../../model/limit-rule.ts'
import { rateLimitCluster } from '../../model/service-clusters.ts'
import type {
  GatewayContext,
  HttpFilter,
  PolicyKind,
  RouteContext,
  RouteContribution,
} from '../policy-kind.ts'
import { check } from './check.ts'
import { RateLimitSpec } from './schema.ts'
import { warnings } from './warnings.ts'

const filterName = 'envoy.filters.http.ratelimit'

/**
 * Limits by Envoy's global rate-limit filter, which asks the rate-limit service once a request.
 * Envoy docs: configuration/http/http_filters/rate_limit_filter.
 */
export const rateLimit: PolicyKind = {
  kind: 'RateLimitPolicy',
  plural: 'rate-limit-policies',
  description: 'How many requests of one key may pass, counted exactly for the whole fleet.',
  spec: RateLimitSpec,
  example: {
    name: 'per-key',
    spec: { algorithm: 'fixed_window', limit: 100, window: '1m', key: [{ header: 'x-api-key' }] },
  },
  references: () => [],
  check,
  warnings,
  filters,
  namedBy: (route) => route.rateLimits,
  route,
  limitRule,
}

function filters(gateway: GatewayContext): HttpFilter[] {
  const { timeout, onUnavailable } = gateway.spec.rateLimitService
  const config = any('envoy.extensions.filters.http.ratelimit.v3.RateLimit', {
    domain: domainOf(gateway.name),
    // Envoy's own defaults, 20 ms and fail-open, would lift every limit under a hiccup without a word.
    timeout: duration(milliseconds(timeout!)),
    failure_mode_deny: onUnavailable === 'deny',
    rate_limit_service: {
      grpc_service: { envoy_grpc: { cluster_name: rateLimitCluster } },
      transport_api_version: 'V3',
    },
    rate_limited_as_resource_exhausted: true,
  })
  return [{ phase: 'limits', name: filterName, config }]
}

function route({ policies }: RouteContext): RouteContribution {
  const inForce = policies.filter(({ spec }) => isInForce(spec as RateLimitSpec))
  return { rateLimits: inForce.map(({ name, spec }) => ({ actions: actions(name, spec as RateLimitSpec) })) }
}

function actions(policy: string, spec: RateLimitSpec): Message[] {
  const named = { generic_key: { descriptor_key: policyEntry, descriptor_value: policy } }
  return [named, ...keyParts(spec).flatMap(action)]
}

function action(part: KeyPart): Message[] {
  switch (part.kind) {
    case 'header':
      // Without skip_if_absent Envoy drops the whole descriptor, and leaving the header out would evade the limit.
      return [
        { request_headers: { header_name: part.name, descriptor_key: entryKey(part), skip_if_absent: true } },
      ]
    case 'client_ip':
      return [{ remote_address: {} }]
    case 'constant':
      return []
  }
}

function keyParts(spec: RateLimitSpec): KeyPart[] {
  return spec.key.map((part) => {
    if (part.header !== undefined) return { kind: 'header', name: part.header }
    if (part.constant !== undefined) return { kind: 'constant', value: part.constant }
    return { kind: 'client_ip' }
  })
}

/** A policy with an algorithm, a key or a mode that is not served yet is left out whole; its warnings say so. */
function isInForce({ algorithm, key, mode = 'enforce', percent = 100 }: RateLimitSpec): boolean {
  const served = key.every((part) => 'header' in part || 'client_ip' in part || 'constant' in part)
  return algorithm === 'fixed_window' && served && mode === 'enforce' && percent === 100
}

function limitRule(document: Document): LimitRule | undefined {
  const spec = document.spec as RateLimitSpec
  if (!isInForce(spec)) return undefined
  return {
    policy: document.name,
    algorithm: 'fixed_window',
    limit: spec.limit!,
    windowMs: milliseconds(spec.window!),
    key: keyParts(spec),
  }
}
