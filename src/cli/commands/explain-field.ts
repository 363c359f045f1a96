import type { Kind } from '../../model/kind.ts'
import { kinds } from '../../policies/index.ts'
import type { AddCommand } from '../command.ts'
import { kindOf } from '../kinds.ts'
import { asJson, asYaml, type Format, outputOption, style } from '../output.ts'
import { deliveryText, type Field } from '../reference/field.ts'
import { findField, nameOf } from '../reference/find-field.ts'

/** `weir explain-field`: what a kind or a field means, from the schemas alone. */
export const explainFieldCommand: AddCommand = (program, cli) => {
  program
    .command('explain-field')
    .description('say what a kind or one of its fields means; needs no server')
    .argument('<kind.path>', 'a kind (Route) or a field (Route.match.path)')
    .option('--recursive', 'list all fields below it, not only its own')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir explain-field Route.match.path.prefix')
    .action((place: string, options: { recursive?: boolean; output: Format }) => {
      const [first = '', ...path] = place.split('.')
      const { kind: name } = kindOf(first)
      const kind = kinds.find((each) => each.kind === name)!
      const field = findField(kind, path)
      const shown = { kind: kind.kind, ...field }
      if (options.output === 'json') cli.stdout.write(asJson(shown))
      else if (options.output === 'yaml') cli.stdout.write(asYaml(shown))
      else cli.stdout.write(explained(kind, field, options.recursive === true, cli.stdout))
    })
}

function explained(kind: Kind, field: Field, recursive: boolean, stream: NodeJS.WriteStream): string {
  const whole = field.path === ''
  const facts: [string, string | undefined][] = [
    ['KIND', kind.kind],
    ['FIELD', whole ? undefined : field.path],
    ['TYPE', whole ? undefined : `${field.type}${field.required ? ', required' : ''}`],
    ['VALUES', field.values?.join(', ')],
    ['DEFAULT', field.default],
    ['BOUNDS', field.bounds.join('; ') || undefined],
    ['UNIT', field.unit],
    ['EXAMPLE', field.example],
    ['SECRET', field.secret === undefined ? undefined : `kept ${field.secret}; an export has its secretRef`],
    ['FILE', field.file === undefined ? undefined : `${field.file}, read by the CLI and for WEIR_CONFIG`],
    ['ENVOY', whole ? undefined : deliveryText(field.delivery)],
  ]
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${style(stream, 'bold', `${name}:`.padEnd(10))}${value}`],
  )
  const description = whole ? kind.description : field.description
  const fields = recursive ? tree(field, 1, stream) : field.children.flatMap((each) => ownLines(each, stream))
  return [
    ...lines,
    '',
    style(stream, 'bold', 'DESCRIPTION:'),
    ...wrapped(description, stream, 2),
    ...(fields.length > 0 ? ['', style(stream, 'bold', 'FIELDS:'), ...fields] : []),
    '',
  ].join('\n')
}

function ownLines(field: Field, stream: NodeJS.WriteStream): string[] {
  return [`  ${title(field, stream)}`, ...wrapped(field.description, stream, 6)]
}

function tree(field: Field, depth: number, stream: NodeJS.WriteStream): string[] {
  return field.children.flatMap((each) => [
    `${'  '.repeat(depth)}${title(each, stream)}`,
    ...tree(each, depth + 1, stream),
  ])
}

function title(field: Field, stream: NodeJS.WriteStream): string {
  const marks = [
    `<${field.type}>`,
    ...(field.required ? ['required'] : []),
    ...(field.delivery.state === 'pending' ? ['not delivered to Envoy yet'] : []),
  ]
  return `${style(stream, 'cyan', nameOf(field))}  ${style(stream, 'dim', marks.join(', '))}`
}

/** Lines of the terminal's width, of 80 columns elsewhere. */
function wrapped(text: string, stream: NodeJS.WriteStream, indent: number): string[] {
  const width = Math.max(20, (stream.isTTY ? stream.columns || 80 : 80) - indent)
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.map((line) => `${' '.repeat(indent)}${line}`)
}
