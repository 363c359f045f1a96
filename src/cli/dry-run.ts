import type { DryRunAnswer } from '../admin/dry-run.ts'
import type { Cli } from './cli.ts'
import type { Client } from './client.ts'
import { documentsOf } from './differences.ts'
import { asJson, asYaml, type Format, style } from './output.ts'
import { patchOf } from './patch.ts'
import { printable } from './text.ts'
import { changeLines, printWarnings, reasonOf } from './write-result.ts'

/** Prints what a write would do: objects, their patch, and what Envoy would see of it. */
export async function printDryRun(
  client: Client,
  answer: DryRunAnswer,
  format: Format,
  cli: Cli,
): Promise<void> {
  const { stdout } = cli
  if (format === 'json') stdout.write(asJson(answer))
  else if (format === 'yaml') stdout.write(asYaml(answer))
  else {
    const differences = await documentsOf(client, answer.diff, answer.revision)
    const lines = [...changeLines(answer.changes, stdout), ...envoyLines(answer, stdout)]
    stdout.write(`${patchOf(differences, stdout)}${lines.map((line) => `${line}\n`).join('')}`)
    stdout.write(`nothing is written; the revision is ${answer.revision}\n`)
  }
  printWarnings(answer.warnings, cli)
  for (const { kind, name, pointer, error } of answer.validation?.problems ?? []) {
    const title = style(cli.stderr, 'yellow', 'warning')
    const line = `${kind}/${name}${pointer === '' ? '' : ` ${pointer}`}: Envoy refuses it: ${reasonOf(error)}`
    cli.stderr.write(`weir: ${title}: ${printable(line)}\n`)
  }
}

function envoyLines({ gateways }: DryRunAnswer, stream: NodeJS.WriteStream): string[] {
  return gateways.flatMap(({ gateway, added, changed, removed, drains }) => {
    const line =
      (what: 'added' | 'changed' | 'removed', colour: 'green' | 'yellow' | 'red') =>
      ({ type, name }: { type: string; name: string }) =>
        `${style(stream, colour, what.padEnd('unchanged'.length))}  ${printable(`${type} ${name}`)} in the Envoys of ${gateway}`
    return [
      ...added.map(line('added', 'green')),
      ...changed.map(line('changed', 'yellow')),
      ...removed.map(line('removed', 'red')),
      ...drains.map(
        (name) =>
          `${style(stream, 'red', 'drains'.padEnd('unchanged'.length))}  listener ${name} of ${gateway}`,
      ),
    ]
  })
}
