import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { startupError, usageError } from '../errors.ts'
import { remedyAmong } from '../model/suggest.ts'
import { type MasterKey, parseMasterKey } from '../secrets/master-key.ts'
import { type HostPort, isLoopback, parseHostPort, parseHostPorts } from './address.ts'
import { drainDelayOf } from './drain.ts'
import { retentionOf } from './retention.ts'

/** What the operator decided, checked. Names and defaults: docs/operating.md. */
export interface Settings {
  command: 'up' | 'serve'
  adminAddr: HostPort
  xdsAddr: HostPort
  rlsAddr: HostPort
  /** The rate-limit services of all replicas as the Envoys reach them. */
  rlsEnvoyAddrs: readonly HostPort[] | undefined
  dataDir: string
  /** Absent: embedded PostgreSQL. */
  databaseUrl: string | undefined
  /** Absent: generated, and kept in the data dir. */
  adminToken: string | undefined
  /** Absent: generated, and kept in the data dir. */
  secretKey: MasterKey | undefined
  /** Known for reading, while secrets go from one key to another. */
  previousSecretKeys: readonly MasterKey[]
  envoyBin: string | undefined
  /** Whether a local Envoy runs for each gateway. */
  envoy: 'auto' | 'off'
  listenerAddress: string
  /** A file or folder applied at every start; `quickstart` is the one for an empty store. */
  config: { path: string } | 'quickstart' | 'none'
  /** How much of the history stays readable. */
  retention: { revisions: number; ageMs: number }
  /** For how many milliseconds everything is still served once a stop was asked for. */
  drainDelayMs: number
  logLevel: string
}

type Environment = Readonly<Record<string, string | undefined>>

interface Setting {
  variable: string
  help: string
}

const notAsFlag = 'better as a variable: others see a flag in the process list (ps)'

/** Every setting with its flag's name being that of the variable: `WEIR_ADMIN_ADDR` is `--admin-addr`. */
export const settingList: readonly Setting[] = [
  { variable: 'WEIR_ADMIN_ADDR', help: 'admin API, host:port (127.0.0.1:8080)' },
  { variable: 'WEIR_XDS_ADDR', help: 'xDS for the Envoys, host:port (127.0.0.1:18000)' },
  { variable: 'WEIR_RLS_ADDR', help: 'rate-limit service, host:port (127.0.0.1:18001)' },
  {
    variable: 'WEIR_RLS_ENVOY_ADDR',
    help: 'rate-limit services of all replicas as the Envoys reach them, host:port,host:port (WEIR_RLS_ADDR, or this host where that binds every address)',
  },
  { variable: 'WEIR_DATA_DIR', help: 'folder for all that weir keeps on this machine (.weir)' },
  {
    variable: 'DATABASE_URL',
    help: `PostgreSQL 14 or newer (embedded under \`weir up\`); where it holds a password, ${notAsFlag}`,
  },
  { variable: 'WEIR_ADMIN_TOKEN', help: `bearer token of the admin API (generated); ${notAsFlag}` },
  {
    variable: 'WEIR_SECRET_KEY',
    help: `key of the secrets, 32 bytes in base64 or hex (generated); ${notAsFlag}`,
  },
  {
    variable: 'WEIR_SECRET_KEY_PREVIOUS',
    help: `the keys before it, separated by commas, for a rotation; ${notAsFlag}`,
  },
  { variable: 'ENVOY_BIN', help: 'an Envoy 1.40 binary (found or installed)' },
  {
    variable: 'WEIR_ENVOY',
    help: 'auto: one local Envoy a gateway; off (auto under `up`, off under `serve`)',
  },
  {
    variable: 'WEIR_LISTENER_ADDRESS',
    help: 'address of listeners that name none (127.0.0.1 under `up`, 0.0.0.0 under `serve`)',
  },
  { variable: 'WEIR_CONFIG', help: 'file or folder of documents applied at every start' },
  { variable: 'WEIR_HISTORY_REVISIONS', help: 'how many revisions are kept readable at most (10000)' },
  { variable: 'WEIR_HISTORY_AGE', help: 'how long a state that was replaced is kept readable (2160h)' },
  {
    variable: 'WEIR_DRAIN_DELAY',
    help: 'how long a stopping weir, not ready any more, still serves (0s under `up`, 5s under `serve`)',
  },
  { variable: 'WEIR_INSECURE', help: 'true: allow xDS and rate limit off loopback without TLS' },
  { variable: 'WEIR_LOG_LEVEL', help: 'debug, info, warn, error or silent (info)' },
]

/** `--admin-addr` for `WEIR_ADMIN_ADDR`. */
export function flagOf(variable: string): string {
  return `--${variable
    .replace(/^WEIR_/, '')
    .toLowerCase()
    .replaceAll('_', '-')}`
}

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
  const settings: Settings = {
    command,
    adminAddr: hostPort(values, 'WEIR_ADMIN_ADDR', '127.0.0.1:8080'),
    xdsAddr: hostPort(values, 'WEIR_XDS_ADDR', '127.0.0.1:18000'),
    rlsAddr: hostPort(values, 'WEIR_RLS_ADDR', '127.0.0.1:18001'),
    rlsEnvoyAddrs: rlsEnvoyAddrs(values),
    dataDir: resolve(set(values.WEIR_DATA_DIR) ?? '.weir'),
    databaseUrl: databaseUrl(values),
    adminToken: adminToken(values),
    ...secretKeys(values),
    envoyBin: set(values.ENVOY_BIN),
    envoy: oneOf(values, 'WEIR_ENVOY', ['auto', 'off'], up ? 'auto' : 'off'),
    listenerAddress: ipAddress(values, 'WEIR_LISTENER_ADDRESS', up ? '127.0.0.1' : '0.0.0.0'),
    config: config(values),
    retention: retentionOf(values),
    drainDelayMs: drainDelayOf(values, up ? '0s' : '5s'),
    logLevel: oneOf(values, 'WEIR_LOG_LEVEL', ['debug', 'info', 'warn', 'error', 'silent'], 'info'),
  }
  refuseOpenDoors(settings, values)
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
