import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { Duration } from './duration.ts'

const threshold = (description: string, value: number) =>
  Type.Optional(Type.Integer({ description, minimum: 1, maximum: 100, default: value, examples: [value] }))

/** Active health checks, in Envoy's terms. */
export const HealthCheck = Type.Object(
  {
    type: Type.Enum(['http', 'tcp', 'grpc'], {
      description: 'What is asked: a path, a connection, grpc.health.v1 (which needs protocol: http2).',
      examples: ['http'],
    }),
    path: Type.Optional(
      Type.String({
        description: 'Path of an http check.',
        pattern: '^/[^#\\s\\u0000-\\u001f\\u007f]*$',
        maxLength: 2048,
        remedy: 'write a path that starts with "/"',
        default: '/',
        defaultWith: { field: 'type', is: 'http' },
        examples: ['/healthz'],
      }),
    ),
    host: Type.Optional(
      Type.String({
        description: 'Host of an http or grpc check. Without it the cluster’s name.',
        pattern: '^[a-zA-Z0-9_.:\\[\\]-]+$',
        maxLength: 253,
        remedy: 'write a host name, with a port if there is one',
        examples: ['users.internal'],
      }),
    ),
    expectedStatuses: Type.Optional(
      Type.Array(
        Type.Integer({ description: 'An HTTP status.', minimum: 100, maximum: 599, examples: [204] }),
        {
          description: 'Statuses by which an http check passes. Without it 200.',
          minItems: 1,
          maxItems: 100,
          uniqueItems: true,
          examples: [[200, 204]],
        },
      ),
    ),
    serviceName: Type.Optional(
      Type.String({
        description: 'Service that a grpc check asks for. Without it the server as a whole.',
        pattern: '^[a-zA-Z0-9_./-]+$',
        maxLength: 256,
        remedy: 'write the full name of a gRPC service',
        examples: ['shop.v1.Users'],
      }),
    ),
    interval: Type.Optional(
      Duration({
        description: 'Time between two checks.',
        default: '5s',
        atLeast: '100ms',
        atMost: '1h',
        examples: ['2s'],
      }),
    ),
    timeout: Type.Optional(
      Duration({
        description: 'How long a check may take.',
        default: '1s',
        atLeast: '1ms',
        atMost: '1m',
        examples: ['1s'],
      }),
    ),
    unhealthyThreshold: threshold('Failed checks in a row after which an endpoint is left alone.', 2),
    healthyThreshold: threshold('Passed checks in a row after which it is used again.', 1),
  },
  {
    additionalProperties: false,
    description: 'How endpoints are asked for their health. Without it all count as healthy.',
  },
)

export type HealthCheck = Static<typeof HealthCheck>

/** It with its defaults; `path` is there for http. */
export type EffectiveHealthCheck = HealthCheck &
  Required<Pick<HealthCheck, 'interval' | 'timeout' | 'unhealthyThreshold' | 'healthyThreshold'>>

/** Fields that belong to some types only. */
const ofTypes: Partial<Record<keyof HealthCheck, readonly HealthCheck['type'][]>> = {
  path: ['http'],
  host: ['http', 'grpc'],
  expectedStatuses: ['http'],
  serviceName: ['grpc'],
}

/** Fields of another type of check, and a gRPC check where no gRPC is spoken, which Envoy refuses. */
export function healthCheckProblems(
  spec: HealthCheck | undefined,
  protocol: string,
  pointer: string,
): Problem[] {
  if (spec === undefined) return []
  const { type } = spec
  const problems = Object.entries(ofTypes).flatMap(([field, types]): Problem[] => {
    if (!Object.hasOwn(spec, field) || types.includes(type)) return []
    const remedy = `write type: ${types.join(' or ')}, or remove ${field}`
    return [{ pointer: `${pointer}/${field}`, message: `a ${type} check has no ${field}`, remedy }]
  })
  if (type === 'grpc' && protocol !== 'http2') {
    const message = `a grpc check cannot be sent as ${protocol}`
    problems.push({ pointer: `${pointer}/type`, message, remedy: 'write protocol: http2, or another type' })
  }
  return problems
}
