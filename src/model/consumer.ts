import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import type { Kind, Reference } from './kind.ts'
import { Name } from './name.ts'
import { Secret } from './secret.ts'

const ApiKey = Type.Object(
  {
    id: Name({ description: 'Name of the key, unique in the consumer.', examples: ['main'] }),
    value: Secret({
      description: 'The key that the caller sends. Only a keyed hash of it is kept.',
      secret: 'hashed',
      minLength: 8,
      maxLength: 512,
      remedy: 'write a key of 8 to 512 characters, or the secretRef of an export',
    }),
  },
  { additionalProperties: false, description: 'A key by which the consumer is known.' },
)

export const ConsumerSpec = Type.Object(
  {
    plan: Type.Optional(
      Name({
        description: 'Plan of the consumer. Without it no plan’s numbers are for it.',
        examples: ['gold'],
        pending: 'no limit asks for plans yet',
      }),
    ),
    apiKeys: Type.Optional(
      Type.Array(ApiKey, {
        description: 'Keys by which the consumer is known.',
        maxItems: 64,
        default: [],
        pending: 'no API key is accepted yet',
        failsClosed: true,
      }),
    ),
  },
  { additionalProperties: false, description: 'Somebody who calls.' },
)

export type ConsumerSpec = Static<typeof ConsumerSpec>

export const consumer: Kind = {
  kind: 'Consumer',
  plural: 'consumers',
  description: 'Somebody who calls, known by API keys.',
  spec: ConsumerSpec,
  example: { name: 'acme', spec: { apiKeys: [{ id: 'main', value: 'a-long-random-key' }] } },
  references,
  check: duplicateIds,
}

function references({ plan }: ConsumerSpec): Reference[] {
  return plan === undefined ? [] : [{ pointer: '/spec/plan', kind: 'Plan', name: plan }]
}

function duplicateIds(document: Document): Problem[] {
  const ids = ((document.spec as ConsumerSpec).apiKeys ?? []).map(({ id }) => id)
  return ids.flatMap((id, index) =>
    ids.indexOf(id) === index
      ? []
      : [
          {
            pointer: `/spec/apiKeys/${index}/id`,
            message: `the key "${id}" is there twice`,
            remedy: 'give each key an id of its own',
          },
        ],
  )
}
