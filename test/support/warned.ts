import { isDeepStrictEqual } from 'node:util'
import { documentSchema } from '../../src/model/read-document.ts'
import { kinds } from '../../src/policies/index.ts'
import type { Written } from './example.ts'
import { fieldsOf, placesOf, valueAt } from './schema-fields.ts'

/**
 * `Kind/name /pointer` of every field of the documents that the schemas mark as not delivered, the outermost alone. A
 * field written with its default is none of them: without it the document would mean the same.
 */
export function expectedWarnings(documents: readonly Written[]): string[] {
  return documents.flatMap((document) => {
    const kind = kinds.find((each) => each.kind === document.kind)!
    const marked = fieldsOf(documentSchema(kind)).flatMap(({ path, node }) =>
      placesOf(document, path).filter(
        (pointer) =>
          (node.pending !== undefined && !isDeepStrictEqual(valueAt(document, pointer), node.default)) ||
          Object.hasOwn(node.pendingValues ?? {}, String(valueAt(document, pointer))),
      ),
    )
    const outermost = marked.filter((pointer) => !marked.some((other) => pointer.startsWith(`${other}/`)))
    return outermost.map((pointer) => `${document.kind}/${document.name} ${pointer}`)
  })
}

/** Every text that a schema has for what a field without delivery means. */
export function allEffects(): Set<string> {
  const nodes = kinds.flatMap((kind) => fieldsOf(documentSchema(kind)).map(({ node }) => node))
  return new Set(
    nodes.flatMap(({ pending, pendingValues = {} }) => [
      ...(pending === undefined ? [] : [pending]),
      ...Object.values(pendingValues),
    ]),
  )
}
