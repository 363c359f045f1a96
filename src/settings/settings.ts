import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { startupError, usageError } from '../errors.ts'
import { remedyAmong } from '../model/suggest.ts'
import { type TransportName, transportNames } from '../ratelimit/transports/transport.ts'
import { type MasterKey, parseMasterKey } from '../secrets/master-key.ts'
import { type HostPort, isLoopback, parseHostPort, parseHostPorts } from './address.ts'
import { type CounterStoreSettings, counterStoreOf } from './counter-store.ts'
import { drainDelayOf } from './drain.ts'
import { flagOf, settingList } from './list.ts'
import { refuseReplicasFar, replicasOf } from './replicas.ts'
import { retentionOf } from './retention.ts'
import { type Role, rolesOf } from './roles.ts'

/** What the operator decided, checked. Names and defaults: docs/operating.md. */
export interface Settings {
  command: 'up' | 'serve'
  adminAddr: HostPort
  xdsAddr: HostPort
  rlsAddr: HostPort
  /** The rate-limit services of all replicas as the Envoys reach them. */
  rlsEnvoyAddrs: readonly HostPort[] | undefined
  /** By what the rate-limit service is carried. */
  rlsTransport: TransportName
  dataDir: string
  /** Absent: embedded PostgreSQL. */
  databaseUrl: string | undefined
  /** Absent: generated, and kept in the data dir. */
  adminToken: string | undefined
  /** Absent: generated, and kept in the data dir. */
  secretKey: MasterKey | undefined
  /** Known for reading, while secrets go from one key to another. */
  previousSecretKeys: readonly MasterKey[]
  /** Where the counters of rate limits are. */
  counters: CounterStoreSettings
  /** What this process does. */
  roles: ReadonlySet<Role>
  /** How many rate-limit services run on this machine, this one included. */
  replicas: number
  envoyBin: string | undefined
  valkeyBin: string | undefined
  /** Whether a local Envoy runs for each gateway. */
  envoy: 'auto' | 'off'
  listenerAddress: string
  /** A file or folder applied at every start; `quickstart` is the one for an empty store. */
  config: { path: string } | 'quickstart' | 'none'
  /** Confirms what WEIR_CONFIG takes away. */
  confirm: string | undefined
  /** How much of the history stays readable. */
  retention: { revisions: number; ageMs: number }
  /** For how many milliseconds everything is still served once a stop was asked for. */
  drainDelayMs: number
  logLevel: string
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Settings from flags over environment over defaults. Throws a start-up error with the one line to act on for the
 * first setting that makes no sense.
 */
export function readSettings(
  command: 'up' | 'serve',
  args: readonly string[],
  environment: Environment,
): Settings {
  const values = { ...environment, ...readFlags(args) }
  const up = command === 'up'
  const replicas = replicasOf(values, up)
  const counters = counterStoreOf(values, replicas)
  const settings: Settings = {
    command,
    counters,
    roles: rolesOf(values, { up, store: counters.kind }),
    replicas,
    adminAddr: hostPort(values, 'WEIR_ADMIN_ADDR', '127.0.0.1:8080'),
    xdsAddr: hostPort(values, 'WEIR_XDS_ADDR', '127.0.0.1:18000'),
    rlsAddr: hostPort(values, 'WEIR_RLS_ADDR', '127.0.0.1:18001'),
    rlsEnvoyAddrs: rlsEnvoyAddrs(values),
    rlsTransport: oneOf(values, 'WEIR_RLS_TRANSPORT', transportNames, 'lane'),
    dataDir: resolve(set(values.WEIR_DATA_DIR) ?? '.weir'),
    databaseUrl: databaseUrl(values),
    adminToken: adminToken(values),
    ...secretKeys(values),
    envoyBin: set(values.ENVOY_BIN),
    valkeyBin: set(values.VALKEY_BIN),
    envoy: oneOf(values, 'WEIR_ENVOY', ['auto', 'off'], up ? 'auto' : 'off'),
    listenerAddress: ipAddress(values, 'WEIR_LISTENER_ADDRESS', up ? '127.0.0.1' : '0.0.0.0'),
    config: config(values),
    confirm: set(values.WEIR_CONFIRM)?.trim(),
    retention: retentionOf(values),
    drainDelayMs: drainDelayOf(values, up ? '0s' : '5s'),
    logLevel: oneOf(values, 'WEIR_LOG_LEVEL', ['debug', 'info', 'warn', 'error', 'silent'], 'info'),
  }
  refuseOpenDoors(settings, values)
  refuseReplicasFar(settings)
  if (!up && settings.databaseUrl === undefined) {
    throw startupError(
      '`weir serve` needs DATABASE_URL.',
      'Set it, or use `weir up` for an embedded PostgreSQL.',
    )
  }
  return settings
}

function readFlags(args: readonly string[]): Environment {
  const flags = new Map(settingList.map(({ variable }) => [flagOf(variable), variable]))
  const values: Record<string, string> = {}
  for (let index = 0; index < args.length; index++) {
    const [name, inline] = splitFlag(args[index]!)
    const variable = flags.get(name)
    if (variable === undefined) {
      throw usageError(
        `There is no option ${name.slice(0, 64)}:`,
        `${remedyAmong(name, [...flags.keys(), '--help'])}.`,
      )
    }
    const value = inline ?? args[++index]
    if (value === undefined) throw usageError(`${name} needs a value:`, `write ${name} VALUE.`)
    values[variable] = value
  }
  return values
}

function splitFlag(text: string): [string, string | undefined] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** An empty variable counts as not set. */
function set(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value
}

function hostPort(values: Environment, variable: string, otherwise: string): HostPort {
  const text = set(values[variable]) ?? otherwise
  const parsed = parseHostPort(text)
  if (parsed === undefined) {
    throw startupError(
      `${variable}=${text} is not host:port.`,
      `Write it as ${otherwise}, or [::1]:8080 for IPv6.`,
    )
  }
  return parsed
}

function rlsEnvoyAddrs(values: Environment): readonly HostPort[] | undefined {
  const text = set(values.WEIR_RLS_ENVOY_ADDR)
  if (text === undefined) return undefined
  const parsed = parseHostPorts(text)
  if (parsed !== undefined) return parsed
  throw startupError(
    `WEIR_RLS_ENVOY_ADDR=${text} is not host:port.`,
    'Write it as weir-1:18001, or weir-1:18001,weir-2:18001 for two replicas.',
  )
}

function ipAddress(values: Environment, variable: string, otherwise: string): string {
  const text = set(values[variable]) ?? otherwise
  if (isIP(text) === 0)
    throw startupError(`${variable}=${text} is not an IP address.`, `Write it as ${otherwise}.`)
  return text
}

function oneOf<Value extends string>(
  values: Environment,
  variable: string,
  allowed: readonly Value[],
  otherwise: Value,
): Value {
  const text = set(values[variable]) ?? otherwise
  const found = allowed.find((value) => value === text)
  if (found === undefined)
    throw startupError(`${variable}=${text} is not known:`, `${remedyAmong(text, allowed)}.`)
  return found
}

function databaseUrl(values: Environment): string | undefined {
  const text = set(values.DATABASE_URL)
  if (text === undefined) return undefined
  if (!/^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? '')) {
    throw startupError(
      'DATABASE_URL is not a PostgreSQL URL.',
      'Write it as postgres://user:password@host:5432/weir.',
    )
  }
  return text
}

function adminToken(values: Environment): string | undefined {
  const token = set(values.WEIR_ADMIN_TOKEN)
  if (token !== undefined && !/^[\x21-\x7e]{16,512}$/.test(token)) {
    throw startupError(
      'WEIR_ADMIN_TOKEN is too weak or cannot stand in a header.',
      'Use 16 to 512 printable ASCII characters.',
    )
  }
  return token
}

function secretKeys(values: Environment): Pick<Settings, 'secretKey' | 'previousSecretKeys'> {
  const text = set(values.WEIR_SECRET_KEY)
  const previous = (set(values.WEIR_SECRET_KEY_PREVIOUS) ?? '').split(',').filter((key) => key.trim() !== '')
  return {
    secretKey: text === undefined ? undefined : secretKey('WEIR_SECRET_KEY', text),
    previousSecretKeys: previous.map((key) => secretKey('WEIR_SECRET_KEY_PREVIOUS', key)),
  }
}

/** The text itself is never told: it may be a key with a slip of the hand. */
function secretKey(variable: string, text: string): MasterKey {
  const key = parseMasterKey(text.trim())
  if (key !== undefined) return key
  throw startupError(
    `${variable} is not 32 bytes in base64, base64url or hex.`,
    'Make one with `openssl rand -base64 32`.',
  )
}

function config(values: Environment): Settings['config'] {
  if (values.WEIR_CONFIG === undefined) return values.WEIR_NPM_START === '1' ? 'quickstart' : 'none'
  const path = set(values.WEIR_CONFIG)
  return path === undefined ? 'none' : { path: resolve(path) }
}

/** Without TLS or tokens whoever reaches these sockets could read the configuration or exhaust a limit. */
function refuseOpenDoors(settings: Settings, values: Environment): void {
  const insecure = oneOf(values, 'WEIR_INSECURE', ['true', 'false'], 'false') === 'true'
  if (insecure) return
  const doors = { WEIR_XDS_ADDR: settings.xdsAddr, WEIR_RLS_ADDR: settings.rlsAddr }
  for (const [variable, { host }] of Object.entries(doors)) {
    if (isLoopback(host)) continue
    throw startupError(
      `${variable} binds ${host}, which others can reach, without TLS.`,
      'Bind 127.0.0.1, or set WEIR_INSECURE=true where the network itself is trusted.',
    )
  }
}
