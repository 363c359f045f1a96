import { stringify } from 'yaml'
import type { Kind } from '../../model/kind.ts'
import { allFields, deliveryText, type Field } from './field.ts'

/** The reference page of a kind, in Markdown: an example, and every field with all that its schema says. */
export function kindPage({ kind, plural, description, example }: Kind, fields: readonly Field[]): string {
  const { name, spec } = example
  return [
    `# ${kind}`,
    '',
    description,
    '',
    `REST: \`/v1/${plural}\`. CLI: \`weir get ${plural}\`, \`weir explain-field ${kind}\`.`,
    '',
    '```yaml',
    '# yaml-language-server: $schema=weir.schema.json',
    stringify({ kind, name, spec }, { lineWidth: 0 }).trimEnd(),
    '```',
    '',
    '| field | type | what it is | default | bounds | example | does Envoy get it? |',
    '|---|---|---|---|---|---|---|',
    ...fields.map((field) => row(field)),
    '',
  ].join('\n')
}

export function kindPages(kinds: readonly Kind[]): [file: string, text: string][] {
  return kinds.map((kind) => [`${kind.plural}.md`, kindPage(kind, allFields(kind))])
}

function row(field: Field): string {
  const { path, type, required, values, unit, secret, file } = field
  const what = [
    field.description,
    secret === undefined ? '' : `Kept ${secret}; an export has its \`secretRef\`.`,
    file === undefined ? '' : `In a file: \`${file}\`.`,
  ]
  const cells = [
    `\`${path}\``,
    `${type}${required ? ', required' : ''}`,
    what.filter((part) => part !== '').join(' '),
    code(field.default),
    [
      ...(values === undefined ? [] : [values.map((value) => `\`${value}\``).join(', ')]),
      ...field.bounds,
      unit,
    ]
      .filter((part) => part !== undefined)
      .join('; '),
    code(field.example),
    deliveryText(field.delivery),
  ]
  return `| ${cells.map(cell).join(' | ')} |`
}

function code(text: string | undefined): string {
  return text === undefined || text === '' ? '' : `\`${text}\``
}

/** A cell is one line, and ends at a bar. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
