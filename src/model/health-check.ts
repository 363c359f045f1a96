import { Type } from 'typebox'
import { Duration } from './duration.ts'

const threshold = (description: string, value: number) =>
  Type.Optional(Type.Integer({ description, minimum: 1, maximum: 100, default: value, examples: [value] }))

/** Active health checks, in Envoy's terms. */
export const HealthCheck = Type.Object(
  {
    type: Type.Enum(['http', 'tcp', 'grpc'], {
      description: 'What is asked: a path, a connection, grpc.health.v1.',
      examples: ['http'],
    }),
    path: Type.Optional(
      Type.String({
        description: 'Path of an http check.',
        pattern: '^/[^#\\s\\u0000-\\u001f\\u007f]*$',
        maxLength: 2048,
        remedy: 'write a path that starts with "/"',
        default: '/',
        examples: ['/healthz'],
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
    pending: 'no endpoint is checked',
  },
)
