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
  {
    variable: 'WEIR_RLS_TRANSPORT',
    help: 'what carries the rate-limit service: lane, the server of weir itself, or grpc-js (lane)',
  },
  { variable: 'WEIR_DATA_DIR', help: 'folder for all that weir keeps on this machine (.weir)' },
  {
    variable: 'DATABASE_URL',
    help: `PostgreSQL 14 or newer (embedded under \`weir up\`); where it holds a password, ${notAsFlag}`,
  },
  {
    variable: 'REDIS_URL',
    help: `Redis 7 or Valkey 7.2 for the counters of all replicas (none); where it holds a password, ${notAsFlag}`,
  },
  {
    variable: 'WEIR_STORE',
    help: 'memory, redis, or embedded: a Valkey of this data dir (redis with REDIS_URL, embedded with WEIR_REPLICAS, else memory)',
  },
  {
    variable: 'WEIR_STORE_TIMEOUT',
    help: 'how long a decision waits for the store before policies decide by onStoreFailure (10ms, 50ms where it is embedded)',
  },
  {
    variable: 'WEIR_ROLES',
    help: 'what this process does: admin,xds,ratelimit, or a part of it (all)',
  },
  {
    variable: 'WEIR_REPLICAS',
    help: 'rate-limit services that `weir up` runs on this machine (1)',
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
  { variable: 'VALKEY_BIN', help: 'a valkey-server (found or installed where one is embedded)' },
  {
    variable: 'WEIR_ENVOY',
    help: 'auto: one local Envoy a gateway; off (auto under `up`, off under `serve`)',
  },
  {
    variable: 'WEIR_LISTENER_ADDRESS',
    help: 'address of listeners that name none (127.0.0.1 under `up`, 0.0.0.0 under `serve`)',
  },
  { variable: 'WEIR_CONFIG', help: 'file or folder of documents applied at every start' },
  {
    variable: 'WEIR_CONFIRM',
    help: 'the token with which WEIR_CONFIG may take away more than half of what a gateway has (none)',
  },
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
