import type { Problem } from '../errors.ts'
import { placeOf } from '../files/place.ts'
import { placeLine, type SourceDocument } from '../files/source.ts'

/**
 * A refusal of the API on one line: the place of the field in its file, the document, the field, what is wrong, what to
 * do.
 */
export function problemLine(
  { document, pointer, message, remedy }: Problem,
  documents: readonly SourceDocument[],
): string {
  const source = document === undefined ? undefined : documents[document]
  const parts = [
    source === undefined ? undefined : placeLine(source.file.path, placeOf(source, pointer)),
    source === undefined ? undefined : nameOf(source),
    pointer === '' ? undefined : pointer,
    `${retold(message)} (${retold(remedy)})`,
  ]
  return parts.filter((part) => part !== undefined).join(': ')
}

function nameOf(source: SourceDocument): string {
  const { line } = placeOf(source, '')
  const { kind, name } = (typeof source.value === 'object' ? (source.value ?? {}) : {}) as Record<
    string,
    unknown
  >
  const known = typeof kind === 'string' && typeof name === 'string'
  return `document ${source.number} (${known ? `${kind}/${name.slice(0, 80)}, ` : ''}line ${line})`
}

/** What the API says in the words of HTTP, in those of the command line. */
const words: readonly [RegExp, string][] = [
  [/see GET \/v1\/revisions whether/, 'see by `weir history` whether'],
  [/GET \/v1\/revisions lists/, '`weir history` lists'],
  [/GET \/v1\/\S+\/keys and POST \/v1\/explain say/, '`weir limits top` and `weir explain` say'],
  [/GET \/v1\/[a-z-]+\/(\S+)\/keys lists/, '`weir limits top $1` lists'],
  [/GET \/v1\/([a-z-]+) lists/, '`weir get $1` lists'],
  [/^"at" cannot be/, '--at cannot be'],
  [/^"labels" cannot hold/, '-l cannot hold'],
  [/^The header weir-message is/, '--message is'],
  [/^The body exceeds/, 'Together the documents exceed'],
  [/^split it into several requests$/, 'split them, and apply one part after the other'],
  [/but the URL says/, 'but what is edited is'],
  [/or write to the URL of that object$/, 'or write another object by `weir apply`'],
  [/^shorten the name in the URL$/, 'shorten it'],
  [/send the same write again with \?confirm=(\w+)$/, 'repeat the command with --confirm $1'],
  [/^the token that was sent is for/, '--confirm is for'],
  [/is refused without \?confirm=(\w+)$/, 'is refused without --confirm $1'],
  [/^write without a key, or try again later$/, 'try again later'],
]

/** A text of the API in the words of the command line. */
export function retold(text: string): string {
  return words.reduce((told, [words, ours]) => told.replace(words, ours), text)
}
