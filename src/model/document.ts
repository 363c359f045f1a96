import { Type } from 'typebox'
import { Name } from './name.ts'

/** What users write and what is stored: one object of one kind. */
export interface Document {
  kind: string
  name: string
  labels: Record<string, string>
  owner: string
  spec: Record<string, unknown>
}

export const maxLabels = 64

/** Schema of a label's key. */
export const LabelKey = Type.String({ pattern: '^[a-zA-Z0-9]([a-zA-Z0-9._/-]{0,126}[a-zA-Z0-9])?$' })

/** Schema of the envelope around a spec, which each kind fills in for `spec`. */
export function envelope(kind: string, spec: Parameters<typeof Type.Object>[0][string]) {
  return Type.Object(
    {
      kind: Type.Literal(kind, { description: 'What the object is.' }),
      name: Name({ description: `The ${kind}'s name, unique among its kind.`, examples: ['edge'] }),
      labels: Type.Optional(
        Type.Record(LabelKey, Type.String({ description: 'Value of the label.', maxLength: 256 }), {
          description: 'Free labels to select objects by.',
          additionalProperties: false,
          maxProperties: maxLabels,
          remedy: `write up to ${maxLabels} labels, their keys of 1 to 128 of the characters A-Z, a-z, 0-9, ".", "_", "-", "/", starting and ending with a letter or digit`,
          default: {},
          examples: [{ team: 'checkout' }],
          controlPlane: true,
        }),
      ),
      owner: Type.Optional(
        Type.String({
          description: 'The team that answers for the object.',
          maxLength: 253,
          default: '',
          examples: ['team-checkout'],
          controlPlane: true,
        }),
      ),
      spec,
    },
    { additionalProperties: false, title: kind },
  )
}

/** Order of an exported document's fields. */
export function inOrder(document: Document): Record<string, unknown> {
  const { kind, name, labels, owner, spec } = document
  return {
    kind,
    name,
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(owner !== '' ? { owner } : {}),
    spec,
  }
}

/** `Route/users`: how problems, logs and the CLI name an object. */
export function idOf(object: { kind: string; name: string }): string {
  return `${object.kind}/${object.name}`
}
