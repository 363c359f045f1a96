import { startupError, type WeirError } from '../../../errors.ts'

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** What a `REDIS_URL` says. */
export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  /** The server, the Sentinels, or some nodes of the cluster; none where `path` is a socket. */
  readonly hosts: readonly HostPort[]
  readonly path?: string
  /** The name under which Sentinels know the primary. */
  readonly primary?: string
  readonly username?: string
  readonly password?: string
  readonly db: number
  /** Of the Sentinels themselves. */
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
  /** Paths of PEM files. */
  readonly tls?: { readonly ca?: string; readonly certificate?: string; readonly key?: string }
}

const schemes = {
  'redis:': { kind: 'single', isTls: false, port: 6379 },
  'rediss:': { kind: 'single', isTls: true, port: 6379 },
  'unix:': { kind: 'single', isTls: false, port: 0 },
  'redis+sentinel:': { kind: 'sentinel', isTls: false, port: 26_379 },
  'rediss+sentinel:': { kind: 'sentinel', isTls: true, port: 26_379 },
  'redis+cluster:': { kind: 'cluster', isTls: false, port: 6379 },
  'rediss+cluster:': { kind: 'cluster', isTls: true, port: 6379 },
} as const

type Scheme = keyof typeof schemes

const tlsOptions = ['ssl_ca_certs', 'ssl_certfile', 'ssl_keyfile'] as const
const sentinelOptions = ['sentinel_username', 'sentinel_password'] as const

const forms: Readonly<Record<RedisTarget['kind'], string>> = {
  single: 'redis://user:password@host:6379/0',
  sentinel: 'redis+sentinel://user:password@sentinel-1:26379,sentinel-2:26379/mymaster/0',
  cluster: 'redis+cluster://user:password@node-1:6379,node-2:6379',
}

/**
 * Reads a `REDIS_URL`, in the forms that redis-py and most other clients read: `redis://[user:password@]host[:port][/db]`,
 * `unix://[user:password@]/path/to.sock[?db=0]`, `redis+sentinel://[user:password@]host[:port][,host[:port]...]/name[/db]` and
 * `redis+cluster://[user:password@]host[:port][,host[:port]...]`; `rediss` for `redis` speaks TLS. User and password are
 * those of the server, percent-encoded; Sentinels have theirs in `sentinel_username` and `sentinel_password`. Throws a
 * start-up error, which never shows a password.
 */
export function readRedisUrl(text: string): RedisTarget {
  const [, scheme, credentials, hosts = '', path = '', query = ''] =
    /^([a-z+]+:)\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text.trim()) ?? []
  if (scheme === undefined)
    throw wrong('is no URL of a store.', `${written('single')} ${encoded('user and password')}`)
  // What stands before it may be a part of the password: nothing of it is shown.
  if (`${path}${query}`.includes('@'))
    throw wrong('has an @ behind a / or ?.', `${encoded('user and password')} Elsewhere write @ as %40.`)
  if (!isScheme(scheme)) {
    const known = Object.keys(schemes).map((each) => `${each}//`)
    throw wrong(`begins with "${scheme}//", which is unknown.`, `Begin it with one of ${known.join(', ')}.`)
  }
  const { kind, isTls, port } = schemes[scheme]
  const isSocket = scheme === 'unix:'
  const optionsOf = new Options(query, [
    ...(isTls ? tlsOptions : []),
    ...(kind === 'sentinel' ? sentinelOptions : []),
    ...(isSocket ? (['db'] as const) : []),
  ])
  const segments = isSocket
    ? []
    : path
        .split('/')
        .slice(1)
        .map((each) => decoded(each, 'path'))
  if (segments.at(-1) === '') segments.pop()
  const primary = kind === 'sentinel' ? segments.shift() : undefined
  if (kind === 'sentinel' && !primary) throw wrong('does not name the primary.', written(kind))
  const db = readDb(kind, isSocket ? [optionsOf.take('db') ?? '0'] : segments)
  const list = isSocket ? [] : readHosts(kind, hosts, port)
  if (isSocket && (hosts !== '' || path === ''))
    throw wrong('names no socket.', 'Write it as unix:///path/to.sock')
  return {
    kind,
    hosts: list,
    db,
    ...(isSocket && { path: decoded(path, 'path') }),
    ...(primary !== undefined && { primary }),
    ...readCredentials(credentials),
    ...given('sentinelUsername', optionsOf.take('sentinel_username')),
    ...given('sentinelPassword', optionsOf.take('sentinel_password')),
    ...(isTls && { tls: readTls(optionsOf) }),
  }
}

/** The URL without what is secret, as people are shown it. */
export function showTarget({ kind, hosts, path, primary, db, tls }: RedisTarget): string {
  if (path !== undefined) return `unix://${path}`
  const scheme = `redis${tls === undefined ? '' : 's'}${kind === 'single' ? '' : `+${kind}`}`
  const list = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
  const tail = [...(primary === undefined ? [] : [primary]), ...(db === 0 ? [] : [db])]
  return [`${scheme}://${list.join(',')}`, ...tail].join('/')
}

class Options {
  readonly #values = new Map<string, string>()

  constructor(query: string, known: readonly string[]) {
    for (const pair of query.split('&')) {
      if (pair === '') continue
      const [name = '', ...value] = pair.split('=')
      if (!known.includes(name)) {
        const what = known.length === 0 ? 'Leave it out.' : `This form of URL has ${known.join(', ')}.`
        throw wrong(`has the option "${decoded(name, 'options')}", which is unknown here.`, what)
      }
      this.#values.set(name, decoded(value.join('='), 'options'))
    }
  }

  take(name: (typeof tlsOptions | typeof sentinelOptions)[number] | 'db'): string | undefined {
    return this.#values.get(name)
  }
}

function readTls(options: Options): NonNullable<RedisTarget['tls']> {
  const certificate = options.take('ssl_certfile')
  const key = options.take('ssl_keyfile')
  if ((certificate === undefined) !== (key === undefined))
    throw wrong('has one of ssl_certfile and ssl_keyfile.', 'Give both, or neither.')
  return {
    ...given('ca', options.take('ssl_ca_certs')),
    ...given('certificate', certificate),
    ...given('key', key),
  }
}

function readCredentials(text: string | undefined): Pick<RedisTarget, 'username' | 'password'> {
  if (text === undefined || text === '') return {}
  const colon = text.indexOf(':')
  if (colon === -1)
    throw wrong(
      'has a user without a password.',
      'Write user:password@, or :password@ where the server has no users.',
    )
  const username = decoded(text.slice(0, colon), 'user')
  const password = decoded(text.slice(colon + 1), 'password')
  return { ...(username !== '' && { username }), ...(password !== '' && { password }) }
}

function readHosts(kind: RedisTarget['kind'], text: string, defaultPort: number): HostPort[] {
  const list = text.split(',').map((each) => readHost(kind, each, defaultPort))
  if (kind === 'single' && list.length > 1)
    throw wrong(
      'names several hosts.',
      'Begin it with redis+sentinel:// for Sentinels, or with redis+cluster:// for the nodes of a cluster.',
    )
  return list
}

function readHost(kind: RedisTarget['kind'], text: string, defaultPort: number): HostPort {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = digits === undefined ? defaultPort : Number(digits)
  // A password that is not encoded may stand here.
  if (host === undefined || port < 1 || port > 65_535)
    throw wrong('has no host and port where they belong.', `${written(kind)} ${encoded('user and password')}`)
  return { host, port }
}

function readDb(kind: RedisTarget['kind'], segments: readonly string[]): number {
  const [text = '0', ...more] = segments
  if (more.length > 0 || !/^\d{1,5}$/.test(text))
    throw wrong('has a path that is no number of a database.', written(kind))
  if (kind === 'cluster' && Number(text) !== 0)
    throw wrong('has a database, and a cluster has but one.', written(kind))
  return Number(text)
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong(`has a % in its ${what} that encodes nothing.`, encoded(what))
  }
}

function isScheme(text: string): text is Scheme {
  return Object.hasOwn(schemes, text)
}

function given<Name extends string>(name: Name, value: string | undefined): { [_ in Name]?: string } {
  return value === undefined || value === '' ? {} : ({ [name]: value } as { [_ in Name]: string })
}

function written(kind: RedisTarget['kind']): string {
  return `Write it as ${forms[kind]}.`
}

function encoded(what: string): string {
  return `In ${what} write % as %25, / as %2F, @ as %40, : as %3A, ? as %3F and # as %23.`
}

function wrong(what: string, remedy: string): WeirError {
  return startupError(`REDIS_URL ${what}`, remedy)
}
