import { placeOf } from './place.ts'
import { type FileProblem, placeLine, type SourceDocument } from './source.ts'

/** Objects that are written more than once, with both places: in one write only one of them could hold. */
export function repeated(documents: readonly SourceDocument[]): FileProblem[] {
  const first = new Map<string, SourceDocument>()
  return documents.flatMap((document): FileProblem[] => {
    const id = idOf(document)
    if (id === undefined) return []
    const earlier = first.get(id)
    if (earlier === undefined) {
      first.set(id, document)
      return []
    }
    const there = placeLine(earlier.file.path, placeOf(earlier, '/name'))
    return [
      {
        file: document.file.path,
        place: placeOf(document, '/name'),
        message: `${id} is already at ${there}`,
        remedy: 'write each object once',
      },
    ]
  })
}

function idOf({ value }: SourceDocument): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { kind, name } = value as { kind?: unknown; name?: unknown }
  return typeof kind === 'string' && typeof name === 'string' ? `${kind}/${name}` : undefined
}
