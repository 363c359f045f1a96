import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { Redis } from 'ioredis'
import { messageOf, startupError, type WeirError } from '../../../errors.ts'
import { reconnectAfter, sentinelTimeout } from './client-options.ts'
import { createClusterLink } from './cluster.ts'
import { nobodysChannel } from './counter-key.ts'
import type { RedisLink } from './link.ts'
import { notPermitted, refusedCommands } from './permitted.ts'
import { loadScripts } from './scripts.ts'
import { isNameUnknown, saysNoSuchName } from './sentinel-name.ts'
import { faultOf, faultOfError, unknownName } from './server-check.ts'
import { createSingleLink } from './single.ts'
import { type RedisTarget, readRedisUrl, showTarget } from './url.ts'

export interface OpenLink extends RedisLink {
  /** The URL without what is secret. */
  readonly shown: string
  /**
   * Waits until the store is reached and fits, or the time is over: then says what was in the way. Throws a start-up error
   * for what only another REDIS_URL or another server mends.
   */
  check(milliseconds?: number): Promise<{ reached: true } | { reached: false; why: string }>
  /** A connection of its own to a server that has what is published; nothing while none is known. It tries once. */
  connection(): Redis | undefined
  close(): void
}

/**
 * The way to the store of a `REDIS_URL` (`readRedisUrl`): one server, the primary that Sentinels name, or a cluster. It
 * connects by itself, and again whenever the connection is gone. A server that does not fit is not asked for anything.
 * Throws a start-up error for a URL that cannot be.
 */
export function openRedisLink(url: string): OpenLink {
  const target = readRedisUrl(url)
  const { link, nodes } = connect(target)
  const client = link.client
  let fault: WeirError | undefined
  let lastError = 'it has not answered yet'
  let isChecked = false
  let isAsking = false
  const changed = new Set<() => void>()
  const told = () => {
    for (const tell of changed) tell()
  }

  const onError = (error: unknown) => {
    lastError = messageOf(error)
    const found = faultOfError(lastError)
    // One that fitted before is away now, or a part of it.
    if (found !== undefined && !isChecked) fault = found
    told()
  }

  /** One Sentinel may know the primary by another name, or not yet; where none does, nobody ever will. */
  async function onSentinelError(error: unknown): Promise<void> {
    if (isAsking || isChecked || !saysNoSuchName(error)) return
    isAsking = true
    if ((await isNameUnknown(target, tlsOf(target))) && !isChecked) {
      fault = unknownName(target.primary!)
      told()
    }
    isAsking = false
  }

  async function onReady(): Promise<void> {
    try {
      const list = nodes()
      const infos = await Promise.all(list.map((node) => node.info('server').catch(onlyNotAllowed)))
      fault = infos.map((info) => faultOf(info, target.kind)).find((each) => each !== undefined)
      if (fault === undefined) await tryCommands(link, connection)
      isChecked = true
    } catch (error) {
      onError(error)
    }
    told()
  }

  client.on('error', onError)
  client.on('node error', onError)
  client.on('sentinelError', (error: unknown) => void onSentinelError(error))
  client.on('ready', () => void onReady())

  function connection(): Redis | undefined {
    const list = nodes()
    const more = { lazyConnect: false, retryStrategy: () => null, autoResubscribe: false }
    return list[Math.floor(Math.random() * list.length)]?.duplicate(more)
  }

  return {
    isCluster: target.kind === 'cluster',
    ...(link.together && { together: link.together }),
    ...(link.primaries && { primaries: link.primaries }),
    shown: showTarget(target),
    async run(script, keys, args) {
      if (fault !== undefined) throw fault
      return link.run(script, keys, args)
    },
    async check(milliseconds = 2_000) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const tell = () => {
        if (isChecked || fault !== undefined) resolve()
      }
      const timer = setTimeout(resolve, milliseconds)
      changed.add(tell)
      tell()
      await promise
      clearTimeout(timer)
      changed.delete(tell)
      if (fault !== undefined) throw fault
      return isChecked ? { reached: true } : { reached: false, why: lastError }
    },
    connection,
    close: link.close,
  }
}

function connect(target: RedisTarget): {
  link: ReturnType<typeof createSingleLink> | ReturnType<typeof createClusterLink>
  /** Those whose version is looked at. */
  nodes(): Redis[]
} {
  const { kind, hosts, path, primary, username, password, db, sentinelUsername, sentinelPassword } = target
  const tls = tlsOf(target)
  const all = { ...(username && { username }), ...(password && { password }), ...(tls && { tls }) }
  if (kind === 'cluster') {
    const link = createClusterLink(hosts, all)
    return { link, nodes: () => link.client.nodes('master').filter(({ status }) => status === 'ready') }
  }
  const [first] = hosts
  const link = createSingleLink({
    ...all,
    db,
    ...(kind === 'sentinel'
      ? {
          sentinels: [...hosts],
          name: primary!,
          role: 'master',
          ...(sentinelUsername && { sentinelUsername }),
          ...(sentinelPassword && { sentinelPassword }),
          ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
          failoverDetector: true,
          sentinelRetryStrategy: reconnectAfter,
          sentinelReconnectStrategy: reconnectAfter,
          sentinelCommandTimeout: sentinelTimeout,
        }
      : path === undefined
        ? { ...first }
        : { path }),
  })
  return { link, nodes: () => [link.client] }
}

function tlsOf({ tls }: RedisTarget): ConnectionOptions | undefined {
  if (tls === undefined) return undefined
  const file = (option: string, path: string) => {
    try {
      return readFileSync(path)
    } catch (error) {
      throw startupError(
        `REDIS_URL has ${option}=${path}, which cannot be read: ${messageOf(error)}.`,
        'Name a PEM file that weir may read.',
        error,
      )
    }
  }
  return {
    ...(tls.ca && { ca: file('ssl_ca_certs', tls.ca) }),
    ...(tls.certificate && { cert: file('ssl_certfile', tls.certificate) }),
    ...(tls.key && { key: file('ssl_keyfile', tls.key) }),
  }
}

/** Does what requests and edits do, of a key that is nobody's. Rejects with all that the user may not do. */
async function tryCommands(link: RedisLink, connection: () => Redis | undefined): Promise<void> {
  const refused = await refusedCommands(link, loadScripts().permitted)
  const commands: readonly [string, ...string[]][] = [
    ['scan', '0'],
    ['eval', 'return 0', '0'],
  ]
  for (const [command, ...args] of commands) {
    const asked = link.primaries?.().map((primary) => isRefused(primary.call(command, args))) ?? []
    if ((await Promise.all(asked)).includes(true)) refused.push(command)
  }
  if (await isRefused(hear(connection()))) refused.push('subscribe')
  if (refused.length > 0) throw notPermitted(refused)
}

/** A connection that hears does nothing else. */
async function hear(client: Redis | undefined): Promise<void> {
  if (client === undefined) return
  client.on('error', () => undefined)
  try {
    await new Promise<unknown>((resolve, reject) => {
      client.once('ready', () => client.subscribe(nobodysChannel).then(resolve, reject))
      client.once('end', resolve)
    })
  } finally {
    client.disconnect()
  }
}

function isRefused(answer: Promise<unknown>): Promise<boolean> {
  return answer.then(
    () => false,
    (error) => /NOPERM/.test(messageOf(error)),
  )
}

/** A user that may not ask for the version is trusted to have a server that fits. */
function onlyNotAllowed(error: unknown): string {
  if (/NOPERM/.test(messageOf(error))) return ''
  throw error
}
