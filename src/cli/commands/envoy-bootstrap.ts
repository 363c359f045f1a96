import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { bootstrap, envoyFlags, type Locality } from '../../bootstrap/bootstrap.ts'
import { overloadDefaults } from '../../bootstrap/overload.ts'
import { type ToldHealth, toldHealth } from '../../bootstrap/stats-sink.ts'
import { addressProblem } from '../../model/announcement.ts'
import { namePattern } from '../../model/name.ts'
import { bytes, sizePattern } from '../../model/size.ts'
import {
  formatHostPort,
  type HostPort,
  isWildcard,
  parseHostPort,
  parseHostPorts,
} from '../../settings/address.ts'
import { Usage } from '../cli.ts'
import type { AddCommand } from '../command.ts'
import { asJson, asYaml, type Format, outputOption } from '../output.ts'
import { type AccessOptions, accessOf, withAccess } from '../xds-access.ts'

const defaultXds = '127.0.0.1:18000'

interface Options extends AccessOptions {
  gateway: string
  id?: string
  label: Record<string, string>
  address: string[]
  xds?: string
  protocol: 'delta' | 'sotw'
  adminPort: number
  healthAddress?: HostPort
  region?: string
  zone?: string
  subZone?: string
  maxConnections?: number
  maxHeap?: number
  healthStats: ToldHealth
  output: Format
}

/** `weir envoy bootstrap`: what an Envoy is started with to join a gateway. */
export const bootstrapCommand: AddCommand = (group, cli) => {
  withAccess(options(group.command('bootstrap')))
    .option(
      '--xds-server-name <name>',
      "a name that weir's certificate must have (those of --xds); may be repeated",
      (name: string, others: string[] = []) => [...others, name],
    )
    .option(
      '--xds-secrets <folder>',
      'a folder that `weir envoy secrets` made: with it the Envoy notices when these files are replaced',
    )
    .addOption(outputOption(['yaml', 'json'], 'yaml'))
    .addHelpText('after', '\nExample: weir envoy bootstrap --gateway edge --label track=canary > edge.yaml')
    .action((given: Options) => {
      const { gateway, label: labels, address: addresses, protocol, adminPort, healthAddress: health } = given
      const { maxConnections, maxHeap: maxHeapBytes, healthStats } = given
      const xds = xdsAddresses(given.xds ?? (cli.environment.WEIR_XDS_ADDR || defaultXds))
      const id = given.id ?? `${gateway}-${hostname()}`
      const access = accessOf(given, xds)
      const joins = { gateway, id, labels, addresses, xds, access, protocol, adminPort, health }
      const bounded = { maxConnections, maxHeapBytes, toldHealth: healthStats }
      const value = bootstrap({ ...joins, locality: localityOf(given), ...bounded })
      cli.stdout.write(given.output === 'json' ? asJson(value) : `${head(gateway, id, xds)}${asYaml(value)}`)
    })
}

/** Sub-zones are of a zone. Throws `usage` otherwise. */
function localityOf({ region, zone, subZone }: Options): Locality | undefined {
  if (zone !== undefined) return { region, zone, subZone }
  if (region === undefined && subZone === undefined) return undefined
  throw new Usage('--region and --sub-zone say more of --zone: pass it, too')
}

function options(command: Command): Command {
  return command
    .description('print the bootstrap file with which an Envoy joins a gateway')
    .requiredOption('-g, --gateway <name>', 'the gateway that it belongs to', readGateway)
    .option(
      '--id <id>',
      "unique in the fleet (default: the gateway's name, a hyphen and this machine's host name)",
      readId,
    )
    .addOption(
      new Option('--label <key=value>', 'a label to pick it by; may be repeated')
        .argParser(addLabel)
        .default({}, 'none'),
    )
    .addOption(
      new Option('--address <ip>', 'where other gateways reach it; may be repeated')
        .argParser(addAddress)
        .default([], 'none'),
    )
    .option(
      '--xds <host:port>',
      `where it reaches weir's xDS (WEIR_XDS_ADDR, else ${defaultXds}); several replicas separated by commas`,
    )
    .addOption(
      new Option('--protocol <variant>', 'of ADS: incremental, or the state of the world')
        .choices(['delta', 'sotw'])
        .default('delta'),
    )
    .option(
      '--admin-port <port>',
      "port of Envoy's own admin interface on 127.0.0.1; 0: any that is free",
      readPort,
      0,
    )
    .option(
      '--health-address <host:port>',
      'where it tells balancers by GET /ready whether it wants requests, as in 0.0.0.0:19001 (nowhere)',
      readHealthAddress,
    )
    .option('--zone <zone>', 'where it runs, for clusters with loadBalancing.zoneAware', readPlace)
    .option('--region <region>', "the zone's region, if the localities of endpoints have one", readPlace)
    .option('--sub-zone <name>', 'a part of the zone, if the localities of endpoints have one', readPlace)
    .option(
      '--max-connections <n>',
      `connections of clients at once, over all listeners (${overloadDefaults.maxConnections})`,
      readConnections,
    )
    .option(
      '--max-heap <size>',
      `memory at which it refuses requests, as in 512MiB (${overloadDefaults.maxHeap})`,
      readHeap,
    )
    .addOption(
      new Option(
        '--health-stats <what>',
        'how much it tells weir of health every 2 s: of each endpoint, of clusters alone, or nothing',
      )
        .choices([...toldHealth])
        .default('endpoints'),
    )
}

function head(gateway: string, id: string, xds: readonly HostPort[]): string {
  const weir = xds.map(formatHostPort).join(' or ')
  return [
    `# Bootstrap of the Envoy ${id} of the gateway ${gateway}; everything else comes from weir at ${weir}.`,
    `# Made by \`weir envoy bootstrap\`. Run it with:`,
    `#   envoy -c ${gateway}.yaml ${envoyFlags.join(' ')}`,
    '',
  ].join('\n')
}

function xdsAddresses(text: string): readonly HostPort[] {
  const addresses = parseHostPorts(text)
  if (addresses === undefined || addresses.some(({ port }) => port === 0))
    throw new Usage(`--xds ${text}: write host:port, as in ${defaultXds}`)
  if (addresses.some(({ host }) => isWildcard(host))) {
    throw new Usage(`${text} is where weir listens, not where an Envoy reaches it: pass --xds host:port`)
  }
  return addresses
}

function readHealthAddress(text: string): HostPort {
  const address = parseHostPort(text)
  if (address !== undefined && address.port !== 0 && isIP(address.host) !== 0) return address
  throw new InvalidArgumentError('Write an IP address of this machine and a port, as in 0.0.0.0:19001.')
}

/** As long as the locality of an endpoint may be. */
function readPlace(text: string): string {
  if (text.length > 0 && text.length <= 128) return text
  throw new InvalidArgumentError('Write 1 to 128 characters.')
}

function readConnections(text: string): number {
  const connections = Number(text)
  if (/^[1-9]\d*$/.test(text) && connections <= 10_000_000) return connections
  throw new InvalidArgumentError('Write a number from 1 to 10000000.')
}

function readHeap(text: string): number {
  const size = new RegExp(sizePattern).test(text) ? bytes(text) : 0
  if (size >= bytes('32MiB')) return size
  throw new InvalidArgumentError('Write a size of 32MiB or more, as in 512MiB or 2GiB.')
}

function readGateway(text: string): string {
  if (new RegExp(namePattern).test(text)) return text
  throw new InvalidArgumentError(
    'A name has a-z, 0-9, "." and "-", and starts and ends with a letter or digit.',
  )
}

function readId(text: string): string {
  if (/^[\x21-\x7e]{1,253}$/.test(text)) return text
  throw new InvalidArgumentError('Write 1 to 253 visible ASCII characters without spaces.')
}

function addLabel(text: string, labels: Record<string, string>): Record<string, string> {
  const match = /^([a-zA-Z0-9][a-zA-Z0-9._/-]{0,127})=(.{0,256})$/.exec(text)
  if (match !== null) return { ...labels, [match[1]!]: match[2]! }
  throw new InvalidArgumentError('Write key=value, as in track=canary.')
}

function addAddress(text: string, addresses: readonly string[]): string[] {
  const problem = addressProblem(text)
  if (problem === undefined) return [...addresses, text]
  throw new InvalidArgumentError(`It ${problem}. Write the IP address by which other gateways reach it.`)
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Write a port from 0 to 65535.')
}
