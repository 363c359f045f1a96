import { type Static, Type } from 'typebox'
import { Name } from './name.ts'

export const Tracing = Type.Object(
  {
    provider: Type.Enum(['otlp', 'zipkin'], {
      description: 'How spans are sent: otlp joins W3C traces, zipkin B3 ones and W3C ones.',
      examples: ['otlp'],
    }),
    collector: Name({
      description:
        'Cluster that spans are sent to: otlp by gRPC if it has protocol: http2, else by POST to /v1/traces; zipkin as JSON to /api/v2/spans.',
      examples: ['jaeger'],
    }),
    sample: Type.Optional(
      Type.Number({
        description:
          'Share of the requests that are traced, in percent. What another gateway traces is traced on.',
        minimum: 0,
        maximum: 100,
        default: 100,
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Distributed tracing. Without it no spans are sent. A change drains the listeners.',
  },
)

export type Tracing = Static<typeof Tracing>
