import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { AccessLog } from './access-log.ts'
import { AdaptiveConcurrency, concurrencyProblems } from './adaptive-concurrency.ts'
import { tlsWarnings } from './certificate-names.ts'
import type { Document } from './document.ts'
import { Duration } from './duration.ts'
import { headerSizeProblems, MaxRequestHeaderBytes, MaxUrlBytes } from './header-sizes.ts'
import type { Kind, Reference } from './kind.ts'
import { type EffectiveListener, Listener } from './listener.ts'
import { Name } from './name.ts'
import { portConflicts } from './port-conflicts.ts'
import { Rollout } from './rollout.ts'
import { SecurityHeaders } from './security-headers.ts'
import { Size } from './size.ts'
import { Tracing } from './tracing.ts'

const RateLimitService = Type.Object(
  {
    timeout: Type.Optional(
      Duration({
        description: 'How long Envoy waits for a rate-limit decision before `onUnavailable` applies.',
        default: '100ms',
        atLeast: '1ms',
        atMost: '10s',
        examples: ['100ms'],
      }),
    ),
    onUnavailable: Type.Optional(
      Type.Enum(['allow', 'deny'], {
        description:
          'What happens to a limited request when no decision arrives: it passes, or it gets a 500. A circuit breaker lets it pass anyway.',
        default: 'allow',
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'How Envoy asks for rate-limit decisions.' },
)

export const GatewaySpec = Type.Object(
  {
    listeners: Type.Array(Listener, {
      description: 'Where the Envoys of this gateway accept requests.',
      minItems: 1,
      maxItems: 64,
    }),
    maxRequestBytes: Type.Optional(
      Size({
        description:
          'Largest request body; larger ones get a 413. Routes may only lower it. Without it bodies have no bound.',
        atLeast: '0B',
        atMost: '4GiB',
        examples: ['1MiB'],
      }),
    ),
    maxRequestHeaderBytes: Type.Optional(MaxRequestHeaderBytes),
    maxUrlBytes: Type.Optional(MaxUrlBytes),
    securityHeaders: Type.Optional(SecurityHeaders),
    accessLog: Type.Optional(AccessLog),
    tracing: Type.Optional(Tracing),
    rateLimitService: Type.Optional(RateLimitService),
    rateLimits: Type.Optional(
      Type.Array(Name({ description: 'Name of a RateLimitPolicy.', examples: ['per-client'] }), {
        description:
          'Rate-limit policies that every forwarded request of the gateway must pass, before those of its route.',
        maxItems: 16,
        uniqueItems: true,
        default: [],
      }),
    ),
    adaptiveConcurrency: Type.Optional(AdaptiveConcurrency),
    rollout: Type.Optional(Rollout),
  },
  { additionalProperties: false, description: 'A set of equal Envoys with their listeners.' },
)

export type GatewaySpec = Static<typeof GatewaySpec>

/** A gateway as it is in force: what has a default is there. */
export type EffectiveGateway = Omit<GatewaySpec, 'listeners'> &
  Required<Pick<GatewaySpec, 'rateLimitService' | 'rateLimits' | 'maxRequestHeaderBytes'>> & {
    listeners: EffectiveListener[]
  }

export const gateway: Kind = {
  kind: 'Gateway',
  plural: 'gateways',
  description: 'A set of equal Envoys and the listeners on which they accept requests.',
  spec: GatewaySpec,
  example: { name: 'edge', spec: { listeners: [{ name: 'http', port: 10000, protocol: 'http' }] } },
  references,
  check: (document) => [
    ...duplicateListenerNames(document),
    ...tlsProblems(document),
    ...headerSizeProblems(document.spec as GatewaySpec),
    ...concurrencyProblems(document.spec as GatewaySpec),
  ],
  checkState: portConflicts,
  warnings: tlsWarnings,
}

function duplicateListenerNames(document: Document): Problem[] {
  const { listeners } = document.spec as GatewaySpec
  return listeners.flatMap(({ name }, index) => {
    const first = listeners.findIndex((other) => other.name === name)
    if (first === index) return []
    return [
      {
        pointer: `/spec/listeners/${index}/name`,
        message: `listener "${name}" is there twice`,
        remedy: 'give each listener of a gateway a name of its own',
      },
    ]
  })
}

function tlsProblems(document: Document): Problem[] {
  const { listeners } = document.spec as GatewaySpec
  return listeners.flatMap(({ protocol, tls }, index): Problem[] => {
    const pointer = `/spec/listeners/${index}/tls`
    if (protocol === 'https' && tls === undefined) {
      return [
        {
          pointer,
          message: '"tls" is missing on an https listener',
          remedy: 'add tls with its certificates',
        },
      ]
    }
    if (protocol === 'http' && tls !== undefined) {
      return [
        {
          pointer,
          message: '"tls" stands on an http listener',
          remedy: 'remove it, or write protocol: https',
        },
      ]
    }
    const asks = tls?.clientCertificate === 'require' || tls?.clientCertificate === 'request'
    if (asks && tls?.clientCa === undefined) {
      const message = 'client certificates are asked for, and no CA says which are good'
      return [{ pointer: `${pointer}/clientCa`, message, remedy: 'add clientCa, the name of a Certificate' }]
    }
    return []
  })
}

function references(spec: GatewaySpec): Reference[] {
  const certificates = spec.listeners.flatMap(({ tls }, index) => {
    const pointer = `/spec/listeners/${index}/tls`
    const served = (tls?.certificates ?? []).map((name, at) => ({
      pointer: `${pointer}/certificates/${at}`,
      name,
    }))
    const ca = tls?.clientCa === undefined ? [] : [{ pointer: `${pointer}/clientCa`, name: tls.clientCa }]
    return [...served, ...ca].map((reference) => ({ ...reference, kind: 'Certificate' }))
  })
  const collectors = [
    { pointer: '/spec/tracing/collector', name: spec.tracing?.collector },
    { pointer: '/spec/accessLog/to/otlp', name: spec.accessLog?.to?.otlp },
  ]
  return [
    ...certificates,
    ...collectors.flatMap(({ pointer, name }) =>
      name === undefined ? [] : [{ pointer, kind: 'Cluster', name }],
    ),
    ...(spec.rateLimits ?? []).map((name, index) => ({
      pointer: `/spec/rateLimits/${index}`,
      kind: 'RateLimitPolicy',
      name,
    })),
  ]
}
