import { type Static, Type } from 'typebox'
import { Duration } from './duration.ts'
import { Name } from './name.ts'

const To = Type.Object(
  {
    file: Type.Optional(
      Type.String({
        description: 'File on the machine of each Envoy, in a folder that is there. Lines are added to it.',
        // No part of it is `.` or `..`, so that it says where it is.
        pattern: '^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$',
        maxLength: 1_024,
        remedy: 'write an absolute path of letters, digits, ".", "_" and "-", for example /var/log/edge.log',
        examples: ['/var/log/edge.log'],
      }),
    ),
    otlp: Type.Optional(
      Name({
        description:
          'Cluster that takes OTLP log records: by gRPC if it has protocol: http2, else by POST to /v1/logs.',
        examples: ['collector'],
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: 'Where lines go: exactly one of file, otlp. Without it to the standard output of Envoy.',
    remedy: 'write exactly one of file, otlp, or leave it out for standard output',
  },
)

const Only = Type.Object(
  {
    errors: Type.Optional(
      Type.Enum(['server', 'all'], {
        description:
          'Requests that failed. server: answered 5xx or not at all, or with such a gRPC status; all: with any 4xx or gRPC status other than OK, too. Without it failing is no reason for a line.',
        examples: ['server'],
      }),
    ),
    slowerThan: Type.Optional(
      Duration({
        description: 'Requests that took at least so long. Without it taking long is no reason for a line.',
        atLeast: '1ms',
        atMost: '1h',
        examples: ['500ms'],
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'Lines for requests with any of these alone. Without it every request has one.',
    remedy: 'write errors, slowerThan or both',
  },
)

export const AccessLog = Type.Object(
  {
    format: Type.Enum(['json'], { description: 'Form of a line.', examples: ['json'] }),
    to: Type.Optional(To),
    only: Type.Optional(Only),
  },
  {
    additionalProperties: false,
    description: 'A line for each request. Without it none is written. A change drains the listeners.',
  },
)

export type AccessLog = Static<typeof AccessLog>
