import { type Static, Type } from 'typebox'

/** An object that is written and held back from the Envoys. */
export const HeldRowSchema = Type.Object(
  {
    kind: Type.String(),
    name: Type.String(),
    revision: Type.Integer({ description: 'The revision that gave it the form that Envoy refuses.' }),
    inForce: Type.Union([Type.Integer(), Type.Null()], {
      description: 'The revision whose form the Envoys have instead; null where they have none of it.',
    }),
    pointer: Type.String({
      description: 'The field, as closely as Envoy’s words tell; empty for the whole document.',
    }),
    error: Type.String({ description: 'What Envoy said.' }),
    gateway: Type.String(),
    node: Type.String({ description: 'The Envoy that said so.' }),
    type: Type.String({ description: 'cluster, endpoints, secret, extension, listener or route.' }),
    resource: Type.String({ description: 'Name of the Envoy resource.' }),
    since: Type.String({ format: 'date-time' }),
  },
  {
    title: 'HeldRow',
    description: 'An object that is written and kept from the Envoys, since they refuse it.',
  },
)

export type HeldRow = Static<typeof HeldRowSchema>
