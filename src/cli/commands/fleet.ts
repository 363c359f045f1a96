import type { CountersState, FleetItem, HeldRow } from '../../admin/context.ts'
import type { FleetHealth } from '../../model/cluster-health.ts'
import type { Rollout } from '../../model/rollout-json.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { ailmentLines, silentLines } from '../health-text.ts'
import { asJson, asYaml, type Format, labelText, outputOption, table } from '../output.ts'
import { rolloutText } from '../rollout-text.ts'
import { printable } from '../text.ts'
import { heldBackLine, reasonOf } from '../write-result.ts'
import { driftCommand } from './fleet-drift.ts'

type Shown = FleetItem & { panic?: string[] }
interface Answer {
  items: Shown[]
  counters: CountersState
  rollouts: Rollout[]
  heldBack?: HeldRow[]
}

/** `weir fleet`: the Envoys and what they have. */
export const fleetCommand: AddCommand = (program, cli) => {
  const command = program
    .command('fleet')
    .description('list the Envoys, what they have and what they refused')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir fleet -o json')
  driftCommand(command, cli)
  withConnection(command).action(async (options: { output: Format } & ConnectionOptions) => {
    const client = createClient(connectionOf(options, cli), cli)
    const { text } = await client({ method: 'GET', path: '/v1/fleet' })
    const { items, counters, rollouts, heldBack = [] } = JSON.parse(text) as Answer
    if (options.output === 'json') cli.stdout.write(asJson(items))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(items))
    else {
      const moving = rollouts.filter(({ state }) => state !== 'done').map(rolloutText)
      const health = await client({ method: 'GET', path: '/v1/fleet/health' })
      const ailing = healthLines(JSON.parse(health.text) as FleetHealth)
      const notes = [...moving, ...heldBack.map(heldBackLine), ...ailing].map(
        (line) => `${printable(line)}\n`,
      )
      cli.stdout.write(`${fleetTable(items, cli.stdout)}${notes.join('')}${countersText(counters)}`)
    }
  })
}

/** So many Envoys are named that tell nothing; a fleet that was set up before they did is one of them all. */
const namedSilent = 10

function healthLines(health: FleetHealth): string[] {
  const silent = silentLines(health)
  const more = silent.length - namedSilent
  const rest = more > 0 ? [`and ${more} more tell nothing: weir health`] : []
  return [...ailmentLines(health), ...silent.slice(0, namedSilent), ...rest]
}

function fleetTable(items: readonly Shown[], stream: NodeJS.WriteStream): string {
  const isOfSeveral = new Set(items.map(({ replica }) => replica)).size > 1
  const rows = items.map((item) => [
    item.gateway,
    item.id,
    ...(isOfSeveral ? [item.replica ?? '-'] : []),
    item.state,
    item.version,
    item.protocol ?? '-',
    labelText(item.labels),
    item.addresses.join(', '),
    Object.entries(item.types)
      .map(([type, { state, revision }]) => `${type} ${state} ${revision}`)
      .join(', ') ||
      (item.reason ?? '-'),
  ])
  const nacks = items.flatMap(({ gateway, id, lastNack }) =>
    lastNack === null
      ? []
      : [
          `${gateway}/${id} refused ${lastNack.type} ${lastNack.resources.join(', ')} at ${lastNack.at}` +
            `${lastNack.resolvedAt === undefined ? '' : ` (resolved at ${lastNack.resolvedAt})`}: ${reasonOf(lastNack.error)}`,
        ],
  )
  const panics = items.flatMap(({ gateway, id, panic = [] }) =>
    panic.length === 0
      ? []
      : [`${gateway}/${id} is in panic, failing endpoints get requests: ${panic.join(', ')}`],
  )
  const drifts = items.flatMap(({ gateway, id, drift = 0 }) =>
    drift === 0
      ? []
      : [
          `${gateway}/${id} has ${drift} resource${drift === 1 ? '' : 's'} otherwise than it should: weir fleet drift ${id}`,
        ],
  )
  const replica = isOfSeveral ? ['REPLICA'] : []
  const head = ['GATEWAY', 'ID', ...replica, 'STATE', 'VERSION', 'PROTOCOL', 'LABELS', 'ADDRESSES', 'TYPES']
  return `${table(stream, head, rows)}${[...nacks, ...panics, ...drifts].map((line) => `${printable(line)}\n`).join('')}`
}

/** Who decides about rate limits, where that is a store that replicas share. */
function countersText(counters: CountersState): string {
  if (counters.store === 'memory') return ''
  const { url, rung, why, seconds, record, overAdmission, clocks } = counters
  const warning = clocks?.warning === undefined ? '' : `; ${clocks.warning}`
  const count = record?.replicas.length
  const replicas = count === undefined ? '' : `, ${count} replica${count === 1 ? '' : 's'}`
  if (rung === 'store') return `${printable(`counters: ${url} decides${replicas}${warning}`)}\n`
  const since = `for ${Math.round(seconds)} s: ${why}`
  const who = rung === 'away' ? 'policies decide by onStoreFailure' : 'the store and the shares decide'
  const text = `counters: ${who} ${since} (${url}${replicas}). Beyond a limit: ${overAdmission.text}${warning}`
  return `${printable(text)}\n`
}
