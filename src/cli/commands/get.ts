import { Option } from 'commander'
import type { HeldRow } from '../../admin/context.ts'
import type { Document } from '../../model/document.ts'
import { Usage } from '../cli.ts'
import { type Client, createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { objectOf } from '../kinds.ts'
import { listAll } from '../list.ts'
import { asJson, asYaml, type Format, labelText, style, table } from '../output.ts'
import { printable } from '../text.ts'
import { watch } from '../watch.ts'

/** `weir get`: one object, or a list of one kind; `-w` goes on with what changes. */
export const getCommand: AddCommand = (program, cli) => {
  const command = program
    .command('get')
    .description('print one object, or list those of a kind')
    .argument('<kind>', 'a kind (routes, Route) or one object (routes/echo)')
    .argument('[name]', 'name of the object')
    .option(
      '-l, --label <label=value...>',
      'only objects that have these labels: several with commas between, or the option again;\n' +
        'in a value \\, is a comma and \\\\ a backslash',
    )
    .option('--owner <owner>', 'only objects of this owner')
    .option('--at <point>', 'as it was at a revision (12) or a time (2026-01-31T12:00:00Z)')
    .option('-w, --watch', 'go on and print what changes, until Ctrl-C')
    .addOption(
      new Option('-o, --output <format>', 'how to print it (a list: table, an object: yaml)').choices([
        'table',
        'json',
        'yaml',
      ]),
    )
    .addHelpText('after', '\nExample: weir get routes/echo -o json')
  withConnection(command).action(async (first: string, second: string | undefined, options: Options) => {
    const { kind, name } = objectOf(first, second)
    check(name, options)
    const client = createClient(connectionOf(options, cli), cli)
    const format = options.output ?? (name === undefined ? 'table' : 'yaml')
    if (options.watch) {
      const read = (revision: number) =>
        documentsOf(client, kind.plural, name, { ...options, at: String(revision) })
      await watch({ client, cli, kind: kind.kind, format, name, read })
      return
    }
    const documents = await documentsOf(client, kind.plural, name, options, (heldBack) => {
      cli.stderr.write(
        `weir: ${style(cli.stderr, 'yellow', 'warning')}: ${printable(`${kind.kind}/${name} is ${heldBack}`)}\n`,
      )
    })
    const whole = name === undefined ? documents : documents[0]
    cli.stdout.write(printed(documents, format, cli.stdout, whole))
  })
}

interface Options extends ConnectionOptions {
  output?: Format
  label?: string[]
  owner?: string
  at?: string
  watch?: boolean
}

function check(name: string | undefined, { label, owner, at, watch }: Options): void {
  if (name !== undefined && (label !== undefined || owner !== undefined))
    throw new Usage('labels and owners select from a list: leave out the name')
  if (watch && at !== undefined) throw new Usage('what was does not change: leave out --at or --watch')
  const odd = label?.find((each) => !/^[^=]+=/.test(each))
  if (odd !== undefined) throw new Usage(`write a label as label=value, not ${odd}`)
  // It would hide the comma between this label and the next.
  const open = label?.find((each) => /(?<!\\)(?:\\\\)*\\$/.test(each))
  if (open !== undefined) throw new Usage(`write the backslash at the end of ${open} as \\\\`)
}

async function documentsOf(
  client: Client,
  plural: string,
  name: string | undefined,
  { label, owner, at }: Options,
  told?: (heldBack: string) => void,
): Promise<Document[]> {
  const when: Record<string, string> = at === undefined ? {} : { at }
  if (name === undefined) {
    return listAll(client, plural, {
      ...when,
      ...(label === undefined ? {} : { labels: label.join(',') }),
      ...(owner === undefined ? {} : { owner }),
    })
  }
  const query = at === undefined ? '' : `?${new URLSearchParams(when)}`
  const path = `/v1/${plural}/${encodeURIComponent(name)}${query}`
  const { text, headers } = await client({ method: 'GET', path })
  const held = headers.get('weir-held-back')
  if (held !== null) told?.(heldBackText(JSON.parse(held) as Held))
  return [JSON.parse(text) as Document]
}

type Held = Pick<HeldRow, 'inForce' | 'pointer' | 'error'>

function heldBackText({ inForce, pointer, error }: Held): string {
  const stead = inForce === null ? 'nothing of it is in force' : `revision ${inForce} of it stays in force`
  return `held back, since Envoy refuses it: ${stead}${pointer === '' ? '' : `; ${pointer}`}: ${error}`
}

function printed(
  documents: readonly Document[],
  format: Format,
  stream: NodeJS.WriteStream,
  whole: unknown,
): string {
  if (format === 'json') return asJson(whole)
  if (format === 'yaml') return documents.map(asYaml).join('---\n')
  const rows = documents.map(({ name, owner, labels }) => [name, owner || '-', labelText(labels)])
  return table(stream, ['NAME', 'OWNER', 'LABELS'], rows)
}
