import type { Command } from 'commander'
import type { Rollout, RolloutAction } from '../../model/rollout-json.ts'
import type { Cli } from '../cli.ts'
import { createClient, type Request } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'
import { rolloutText } from '../rollout-text.ts'
import { printable } from '../text.ts'

interface Options extends ConnectionOptions {
  output: Format
}

const told: Record<RolloutAction, string> = {
  halt: 'stop before the next wave; the Envoys that have the revision keep it',
  resume: 'go on where it was halted; one that was reverted begins anew',
  abort: 'give all Envoys back what they had before',
  promote: 'give all Envoys the revision now',
}

/** `weir rollout`: revisions on their way through the fleet in waves. */
export const rolloutCommand: AddCommand = (program, cli) => {
  const group = program
    .command('rollout')
    .description(
      'rollout status, rollout halt, rollout resume, rollout abort, rollout promote: revisions in waves',
    )
    .helpCommand(false)
    .addHelpText('after', '\nExample: weir rollout status')
  status(group, cli)
  for (const [action, description] of Object.entries(told)) act(group, cli, action, description)
}

function status(group: Command, cli: Cli): void {
  const command = group
    .command('status')
    .description('print how far the gateways are that have a rollout')
    .argument('[gateway]', 'only this one')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir rollout status edge -o json')
  withConnection(command).action(async (gateway: string | undefined, options: Options) => {
    const client = createClient(connectionOf(options, cli), cli)
    if (gateway !== undefined) {
      const { text } = await client({ method: 'GET', path: pathOf(gateway) })
      print([JSON.parse(text) as Rollout], options, cli, true)
      return
    }
    const { text } = await client({ method: 'GET', path: '/v1/rollouts' })
    print((JSON.parse(text) as { items: Rollout[] }).items, options, cli)
  })
}

function act(group: Command, cli: Cli, action: string, description: string): void {
  const command = group
    .command(action)
    .description(description)
    .argument('<gateway>', 'whose rollout')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', `\nExample: weir rollout ${action} edge`)
  withConnection(command).action(async (gateway: string, options: Options) => {
    const headers = { 'content-type': 'application/json' }
    const write: Request['write'] = { see: `\`weir rollout status ${gateway}\` shows its state.` }
    const body = JSON.stringify({ action })
    const client = createClient(connectionOf(options, cli), cli)
    const { text } = await client({ method: 'POST', path: pathOf(gateway), headers, body, write })
    print([JSON.parse(text) as Rollout], options, cli, true)
  })
}

function pathOf(gateway: string): string {
  return `/v1/gateways/${encodeURIComponent(gateway)}/rollout`
}

function print(rollouts: readonly Rollout[], { output }: Options, { stdout }: Cli, one = false): void {
  const shown = one ? rollouts[0] : rollouts
  if (output === 'json') stdout.write(asJson(shown))
  else if (output === 'yaml') stdout.write(asYaml(shown))
  else stdout.write(statusText(rollouts, stdout))
}

function statusText(rollouts: readonly Rollout[], stream: NodeJS.WriteStream): string {
  if (rollouts.length === 0) return 'no gateway has a rollout: every Envoy gets a revision at once\n'
  const rows = rollouts.map(({ gateway, state, revision, base, wave, envoys, figures }) => [
    gateway,
    state,
    String(revision),
    String(base),
    wave === undefined ? '-' : [`${wave.number}/${wave.of}`, wave.envoys, wave.phase ?? ''].join(' ').trim(),
    envoys === undefined ? '-' : `${envoys.reached}/${envoys.reached + envoys.others}`,
    errorsText(figures),
  ])
  const head = ['GATEWAY', 'STATE', 'REVISION', 'BASE', 'WAVE', 'ENVOYS', 'ERRORS']
  const lines = rollouts.filter(({ reason }) => reason !== '').map(rolloutText)
  return `${table(stream, head, rows)}${lines.map((line) => `${printable(line)}\n`).join('')}`
}

/** Those with the revision against those without, else against the time before. */
function errorsText({ reached, others, before }: Rollout['figures']): string {
  const other = others.requests > 0 ? others : before
  return `${reached.errorRate}% of ${reached.requests}, else ${other.errorRate}% of ${other.requests}`
}
