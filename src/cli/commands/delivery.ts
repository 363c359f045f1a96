import { InvalidArgumentError } from 'commander'
import type { Receipt } from '../../model/receipt.ts'
import { type Cli, Refused } from '../cli.ts'
import { type Client, createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { detailOf, headline, wordOf } from '../delivery-frame.ts'
import { viewOf } from '../delivery-view.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'
import { rolloutText } from '../rollout-text.ts'
import { printable } from '../text.ts'
import { heldBackLine, nackLines } from '../write-result.ts'

/** `weir delivery`: what became of a revision, Envoy by Envoy. */
export const deliveryCommand: AddCommand = (program, cli) => {
  const command = program
    .command('delivery')
    .description('say what became of a revision: how far each Envoy got with it, and when')
    .argument('[revision]', 'its number, as in `weir history` (default: the newest)', readRevision)
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir delivery 12')
  withConnection(command).action(
    async (given: number | undefined, options: { output: Format } & ConnectionOptions) => {
      const client = createClient(connectionOf(options, cli), cli)
      const revision = given ?? (await newest(client))
      const { text } = await client({ method: 'GET', path: `/v1/revisions/${revision}/delivery` })
      const receipt = JSON.parse(text) as Receipt
      if (options.output === 'json') cli.stdout.write(asJson(receipt))
      else if (options.output === 'yaml') cli.stdout.write(asYaml(receipt))
      else print(revision, receipt, cli)
    },
  )
}

async function newest(client: Client): Promise<number> {
  const { text } = await client({ method: 'GET', path: '/v1/revisions?limit=1' })
  const [latest] = (JSON.parse(text) as { items: { revision: number }[] }).items
  if (latest === undefined) throw new Refused('nothing is written yet: there is no revision.')
  return latest.revision
}

function print(revision: number, receipt: Receipt, { stdout }: Cli): void {
  const { envoys, replicas, heldBack = [], rollouts = [] } = receipt
  const rows = envoys.map((envoy) => [
    envoy.gateway,
    envoy.id,
    wordOf(envoy.state),
    envoy.sentAt ?? '-',
    envoy.ackedAt ?? envoy.nackedAt ?? envoy.warmingSince ?? envoy.disconnectedAt ?? '-',
    detailOf(envoy) || '-',
  ])
  const head = ['GATEWAY', 'ID', 'STATE', 'SENT', 'SINCE', 'DETAIL']
  const behind = replicas.filter(({ state }) => state === 'pending')
  const services = behind.map(
    ({ name, revision: at }) => `rate-limit service ${name} decides by revision ${at}`,
  )
  const moving = rollouts.filter(({ state }) => state !== 'done').map(rolloutText)
  const refused = [...heldBack.map(heldBackLine), ...envoys.flatMap(nackLines)]
  const lines = [headline(viewOf(revision, receipt)), ...moving, ...refused, ...services]
  const shown = rows.length > 0 ? table(stdout, head, rows) : ''
  stdout.write(`${shown}${lines.map((line) => `${printable(line)}\n`).join('')}`)
}

function readRevision(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write the number of a revision.')
}
