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
  printDryRunWarnings(answer, cli)
}

/** What of it Envoys would not get as it is written, or would refuse. */
export function printDryRunWarnings(answer: DryRunAnswer, cli: Cli): void {
  printWarnings(answer.warnings, cli)
  for (const { kind, name, pointer, error } of answer.validation?.problems ?? []) {
    const title = style(cli.stderr, 'yellow', 'warning')
    const line = `${kind}/${name}${pointer === '' ? '' : ` ${pointer}`}: Envoy refuses it: ${reasonOf(error)}`
    cli.stderr.write(`weir: ${title}: ${printable(line)}\n`)
  }
}

/** What Envoys would get, in the order in which they get it, and what that may cut. */
export function envoyLines({ gateways, plan }: DryRunAnswer, stream: NodeJS.WriteStream): string[] {
  return plan.flatMap(({ gateway, steps, drains }) => {
    const change = gateways.find((each) => each.gateway === gateway)
    const told = new Map(whats.flatMap((what) => (change?.[what] ?? []).map((each) => [keyOf(each), what])))
    return [
      ...steps.flatMap(({ resources }, index) =>
        resources.map((each) => {
          const what = told.get(keyOf(each)) ?? 'changed'
          const text = `${keyOf(each)} in the Envoys of ${gateway}, step ${index + 1}`
          return `${style(stream, colours[what], what.padEnd(width))}  ${printable(text)}`
        }),
      ),
      ...drains.map((drain) => drainLine(gateway, drain, stream)),
    ]
  })
}

const colours = { added: 'green', changed: 'yellow', removed: 'red' } as const
const whats = ['added', 'changed', 'removed'] as const

function keyOf({ type, name }: { type: string; name: string }): string {
  return `${type} ${name}`
}

const width = 'unchanged'.length

const ways = {
  removed: 'it is closed',
  replaced: 'a new one takes its place',
  filter_chains: 'its filter chains are replaced',
}

function drainLine(
  gateway: string,
  { listener, how, connections, asked, envoys }: DryRunAnswer['plan'][number]['drains'][number],
  stream: NodeJS.WriteStream,
): string {
  const open = connections === 'unknown' ? 'an unknown number of' : `${connections}`
  const known = asked < envoys && connections !== 'unknown' ? ` in ${asked} of its ${envoys} Envoys` : ''
  const text = `listener ${listener} of ${gateway}: ${ways[how]}, ${open} open connections may be cut${known}`
  return `${style(stream, 'red', 'drains'.padEnd(width))}  ${printable(text)}`
}
