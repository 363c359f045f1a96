import { shownDocument } from '../admin/field-order.ts'
import type { Document } from '../model/document.ts'
import { mapSecrets } from '../model/secret.ts'
import { kinds } from '../policies/index.ts'
import { type LineEdit, lineDiff } from './line-diff.ts'
import { asYaml, style } from './output.ts'

/** An object before and after; nothing where it is not there. */
export interface Difference {
  kind: string
  name: string
  before?: Document | null
  after?: Document | null
}

/** Lines around a change. */
const context = 3

/** The differences as a unified patch of YAML documents, coloured at a terminal. */
export function patchOf(differences: readonly Difference[], stream: NodeJS.WriteStream): string {
  return differences.map((difference) => documentPatch(difference, stream)).join('')
}

function documentPatch({ kind, name, before, after }: Difference, stream: NodeJS.WriteStream): string {
  const label = `${kind}/${name}`
  const edits = lineDiff(linesOf(before), linesOf(after))
  const head = [`--- ${before ? label : '/dev/null'}`, `+++ ${after ? label : '/dev/null'}`]
  const body = hunks(edits).flatMap(({ title, edits }) => [
    style(stream, 'cyan', title),
    ...edits.map(({ mark, line }) => coloured(`${mark}${line}`, mark, stream)),
  ])
  return [...head.map((line) => style(stream, 'bold', line)), ...body, ''].join('\n')
}

function coloured(line: string, mark: LineEdit['mark'], stream: NodeJS.WriteStream): string {
  if (mark === ' ') return line
  return style(stream, mark === '+' ? 'green' : 'red', line)
}

function linesOf(document: Document | null | undefined): string[] {
  return document ? asYaml(shown(document)).trimEnd().split('\n') : []
}

/** Fields in the order of their schema, and no secret in clear. */
export function shown(document: Document): unknown {
  const kind = kinds.find(({ kind }) => kind === document.kind)
  const whole = {
    ...document,
    labels: document.labels ?? {},
    owner: document.owner ?? '',
    spec: document.spec ?? {},
  }
  if (kind === undefined) return whole
  const spec = mapSecrets(kind.spec, whole.spec, ({ value }) =>
    typeof value === 'string' ? '[redacted]' : value,
  ) as Document['spec']
  return shownDocument(kind, { ...whole, spec })
}

interface Hunk {
  title: string
  edits: LineEdit[]
}

/** Changes with the lines around them; what is far from any is left out. */
function hunks(edits: readonly LineEdit[]): Hunk[] {
  const near = edits.map((_, index) =>
    edits.slice(Math.max(0, index - context), index + context + 1).some(({ mark }) => mark !== ' '),
  )
  const found: Hunk[] = []
  let [oldLine, newLine] = [1, 1]
  let index = 0
  while (index < edits.length) {
    let end = index
    while (end < edits.length && near[end] === near[index]) end++
    const part = edits.slice(index, end)
    const [olds, news] = ['+', '-'].map((mark) => part.filter((edit) => edit.mark !== mark).length) as [
      number,
      number,
    ]
    if (near[index]) {
      const title = `@@ -${olds === 0 ? oldLine - 1 : oldLine},${olds} +${news === 0 ? newLine - 1 : newLine},${news} @@`
      found.push({ title, edits: part })
    }
    oldLine += olds
    newLine += news
    index = end
  }
  return found
}
