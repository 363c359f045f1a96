import type { ClusterHealth, EnvoyHealth, FleetHealth } from '../../model/cluster-health.ts'
import { breakerText } from '../breaker-text.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { ailmentLines, breakerDoubt, hostsText, silentLines } from '../health-text.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'
import { printable } from '../text.ts'

/** `weir health`: how clusters are, as the Envoys see them. */
export const healthCommand: AddCommand = (program, cli) => {
  const command = program
    .command('health')
    .description('show how a cluster is as each Envoy sees it; without one, what is amiss with any')
    .argument('[cluster]', 'name of a Cluster')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir health shop')
  withConnection(command).action(async (cluster: string | undefined, options: Options) => {
    const client = createClient(connectionOf(options, cli), cli)
    const path =
      cluster === undefined ? '/v1/fleet/health' : `/v1/clusters/${encodeURIComponent(cluster)}/health`
    const { text } = await client({ method: 'GET', path })
    const answer = JSON.parse(text) as ClusterHealth | FleetHealth
    if (options.output === 'json') cli.stdout.write(asJson(answer))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(answer))
    else cli.stdout.write('cluster' in answer ? clusterText(answer, cli.stdout) : fleetText(answer))
  })
}

interface Options extends ConnectionOptions {
  output: Format
}

function fleetText(health: FleetHealth): string {
  const lines = [...ailmentLines(health), ...silentLines(health)]
  const said = lines.length > 0 ? lines : ['nothing is amiss with any cluster, by what the Envoys say']
  return said.map((line) => `${printable(line)}\n`).join('')
}

function clusterText(health: ClusterHealth, stream: NodeJS.WriteStream): string {
  const { cluster, state, why, envoys, breaker, at } = health
  const lines = [
    `${cluster}: ${state}${why === undefined ? '' : ` (${why})`}`,
    ...(breaker === undefined ? [] : [`circuit breaker: ${breakerText(breaker)}`]),
    ...(breaker?.warnings ?? []).map(breakerDoubt),
  ]
  const head = lines.map(printable).join('\n')
  if (envoys.length === 0) return `${head}\n`
  const rows = table(
    stream,
    [
      'GATEWAY',
      'ENVOY',
      'SEEN',
      'HOSTS',
      'PANIC',
      'ACTIVE',
      'PENDING',
      'OVERFLOWED',
      'CHECKS',
      'EJECTIONS',
      'POOL',
    ],
    envoys.map((envoy) => envoyRow(envoy, at)),
  )
  return `${head}\n${rows}${endpointsText(envoys, stream)}`
}

function envoyRow(
  { gateway, id, state, at: seen, hosts, panic, figures }: EnvoyHealth,
  at: string,
): string[] {
  const age = seen === undefined ? '' : ` ${ageText(at, seen)}`
  const who = [gateway, id, state === 'told' ? ageText(at, seen ?? at) : `${state}${age}`]
  if (hosts === undefined || figures === undefined) return [...who, ...Array.from({ length: 8 }, () => '-')]
  const { requests, healthChecks, ejections, poolsFull } = figures
  return [
    ...who,
    hostsText(hosts),
    panic === true ? 'yes' : 'no',
    ...[requests.active, requests.pending, requests.overflowed].map(String),
    `${healthChecks.attempts}, ${healthChecks.failures} failed`,
    `${ejections.active} now, ${ejections.counted} counted`,
    poolsFull.length === 0 ? 'open' : `full: ${poolsFull.join(', ')}`,
  ]
}

function ageText(now: string, at: string): string {
  return `${Math.max(0, Math.round((Date.parse(now) - Date.parse(at)) / 1000))} s ago`
}

/** Each endpoint by the states that Envoys see it in. */
function endpointsText(envoys: readonly EnvoyHealth[], stream: NodeJS.WriteStream): string {
  const told = envoys.flatMap(({ id, state, endpoints = [] }) =>
    state === 'told' ? endpoints.map((endpoint) => ({ id, ...endpoint })) : [],
  )
  if (told.length === 0) return ''
  const groups = [...Map.groupBy(told, ({ address, state }) => JSON.stringify([address, state])).values()]
  const rows = groups.map((group) => {
    const ids = group.map(({ id }) => id)
    const more = ids.length > 5 ? ` and ${ids.length - 5} more` : ''
    return [group[0]!.address, group[0]!.state.replaceAll('_', ' '), `${ids.slice(0, 5).join(', ')}${more}`]
  })
  const sorted = rows.toSorted(([a, b], [c, d]) => (`${a} ${b}` < `${c} ${d}` ? -1 : 1))
  return table(stream, ['ENDPOINT', 'STATE', 'BY'], sorted)
}
