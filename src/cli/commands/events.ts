import { InvalidArgumentError } from 'commander'
import { type FleetEvent, fleetEventTypes } from '../../model/fleet-event.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { eventLine } from '../event-line.ts'
import { followEvents } from '../follow-events.ts'
import { asJsonLine, type Format, outputOption } from '../output.ts'

/** `weir events`: what happens to revisions, Envoys, rows that are held back and rollouts, until Ctrl-C. */
export const eventsCommand: AddCommand = (program, cli) => {
  const command = program
    .command('events')
    .description('print what happens to revisions, Envoys, held-back rows and rollouts, until Ctrl-C')
    .option('--gateway <name>', 'only the Envoys and the rollout of this gateway')
    .option('--revision <number>', 'only events about this revision', readNumber)
    .option('--types <types>', `only these, with commas between them: ${fleetEventTypes.join(', ')}`)
    .addOption(outputOption(['table', 'json'], 'table'))
    .addHelpText('after', '\nExample: weir events --types nacked,disconnected -o json')
  withConnection(command).action(async ({ gateway, revision, types, output, ...options }: Options) => {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries({ gateway, revision, types }))
      if (value !== undefined) query.set(name, value)
    const print = (event: FleetEvent) =>
      cli.stdout.write(output === 'json' ? asJsonLine(event) : eventLine(event, cli.stdout))
    await followEvents({
      ...{ connection: connectionOf(options, cli), cli, query, signal: cli.signal, onEvent: print },
      onBroken: (reason) => cli.stderr.write(`weir: ${reason}; trying to come back.\n`),
    })
    cli.signal.throwIfAborted()
  })
}

interface Options extends ConnectionOptions {
  gateway?: string
  revision?: string
  types?: string
  output: Format
}

function readNumber(text: string): string {
  if (/^[1-9]\d{0,14}$/.test(text)) return text
  throw new InvalidArgumentError('Write the number of a revision.')
}
