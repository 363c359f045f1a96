import type { Command } from 'commander'
import type { DriftAnswer } from '../../admin/context.ts'
import type { Cli } from '../cli.ts'
import { createClient } from '../client.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'

/** `weir fleet drift`: what an Envoy has against what it should have. */
export function driftCommand(fleet: Command, cli: Cli): void {
  const command = fleet
    .command('drift')
    .description('show where an Envoy has something else than it should')
    .argument('<id>', 'its node id, as in `weir fleet`')
    .option('-g, --gateway <name>', 'its gateway, where Envoys of several have the same id')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir fleet drift edge-local')
  withConnection(command).action(async (id: string, _: unknown, action: Command) => {
    // Options that `weir fleet` has, too, are its own when they stand before the subcommand.
    const options = action.optsWithGlobals<Options>()
    const client = createClient(connectionOf(options, cli), cli)
    const query = options.gateway === undefined ? '' : `?${new URLSearchParams({ gateway: options.gateway })}`
    const { text } = await client({
      method: 'GET',
      path: `/v1/fleet/${encodeURIComponent(id)}/drift${query}`,
    })
    const drift = JSON.parse(text) as DriftAnswer
    if (options.output === 'json') cli.stdout.write(asJson(drift))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(drift))
    else cli.stdout.write(driftText(drift, cli.stdout))
  })
}

interface Options extends ConnectionOptions {
  gateway?: string
  output: Format
}

function rowsOf({ xds, configDump }: DriftAnswer): string[][] {
  const row = (
    by: string,
    each: NonNullable<DriftAnswer['configDump']>['deviations'][number],
    why: string,
  ) => [
    ...[by, each.type, each.name, each.is.replaceAll('_', ' '), why],
    ...[each.expected ?? '-', each.actual ?? '-'],
  ]
  return [
    ...xds.flatMap(({ peer, deviations }) =>
      deviations.map((each) => row(`xDS from ${peer}`, each, each.because.replaceAll('_', ' '))),
    ),
    ...(configDump?.deviations ?? []).map((each) => row('config_dump', each, '-')),
  ]
}

function driftText(drift: DriftAnswer, stream: NodeJS.WriteStream): string {
  const { gateway, id, revision, configDump } = drift
  const rows = rowsOf(drift)
  const by =
    configDump === null ? 'by what it said over xDS' : 'by what it said over xDS and by its config_dump'
  if (rows.length === 0) return `${gateway}/${id} has what it should have at revision ${revision}, ${by}\n`
  const head = ['TOLD BY', 'TYPE', 'NAME', 'IS', 'BECAUSE', 'EXPECTED', 'ACTUAL']
  return table(stream, head, rows)
}
