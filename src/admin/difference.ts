import { type Static, Type } from 'typebox'
import type { Document } from '../model/document.ts'
import { jsonPatch } from '../model/json-patch.ts'
import type { Kind } from '../model/kind.ts'
import { compareNames } from '../model/state.ts'
import { shownDocument } from './field-order.ts'

const pointer = Type.String({ description: 'JSON pointer into the document; empty for the whole of it.' })

export const ObjectDiff = Type.Object(
  {
    kind: Type.String(),
    name: Type.String(),
    action: Type.Enum(['created', 'updated', 'deleted']),
    patch: Type.Array(
      Type.Object({
        op: Type.Enum(['add', 'remove', 'replace']),
        path: pointer,
        value: Type.Optional(Type.Unknown({ description: 'What is there afterwards, unless removed.' })),
        old: Type.Optional(Type.Unknown({ description: 'What was there before, unless added.' })),
      }),
      {
        description:
          'A JSON Patch (RFC 6902) from the document before to the one after it, with the old values as `old`.',
      },
    ),
  },
  {
    $id: 'ObjectDiff',
    title: 'ObjectDiff',
    description:
      'How one object differs. Secrets show as references, those that a dry run would store as `(new)`.',
  },
)

export type ObjectDiff = Static<typeof ObjectDiff>

interface Difference {
  kind: string
  name: string
  before?: Document | undefined
  after?: Document | undefined
}

/** The differences as they are shown, by kind in the order of an export and by name. */
export function shownDifferences(kinds: readonly Kind[], differences: readonly Difference[]): ObjectDiff[] {
  const order = new Map(kinds.map((kind, index) => [kind.kind, { kind, index }]))
  const rank = ({ kind }: Difference) => order.get(kind)?.index ?? kinds.length
  return differences
    .toSorted((a, b) => rank(a) - rank(b) || compareNames(a.name, b.name))
    .flatMap(({ kind, name, before, after }) => {
      const schema = order.get(kind)?.kind
      const shown = (document: Document) =>
        schema === undefined ? { ...document } : shownDocument(schema, document)
      const patch = patchOf(before && shown(before), after && shown(after))
      const action = before === undefined ? 'created' : after === undefined ? 'deleted' : 'updated'
      return patch.length === 0 ? [] : [{ kind, name, action, patch }]
    })
}

function patchOf(before: object | undefined, after: object | undefined): ObjectDiff['patch'] {
  if (before !== undefined && after !== undefined) return jsonPatch(before, after)
  if (after !== undefined) return [{ op: 'add', path: '', value: after }]
  return before === undefined ? [] : [{ op: 'remove', path: '', old: before }]
}
