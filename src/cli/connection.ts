import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type Holder, readLastHolder } from '../local/lock.ts'
import { isAlive } from '../local/process-identity.ts'
import { isLoopback } from '../settings/address.ts'
import { tokenFile } from '../settings/token.ts'
import { type Cli, Refused, Usage } from './cli.ts'

/** Where the admin API is and how to get in. */
export interface Connection {
  url: URL
  token: string | undefined
  /** Where a token was looked for, for the message when it is refused. */
  tokenPlaces: string
}

export interface ConnectionOptions {
  url?: string
  dataDir?: string
}

const defaultUrl = 'http://127.0.0.1:8080'

/** The options of every command that talks to the API. */
export function withConnection(command: Command): Command {
  return withDataDir(command).option(
    '--url <url>',
    `the admin API (WEIR_URL, else that of the data dir, else ${defaultUrl})`,
  )
}

export function withDataDir(command: Command): Command {
  return command.option('--data-dir <folder>', "weir's folder on this machine (WEIR_DATA_DIR, else .weir)")
}

export function dataDirOf(options: { dataDir?: string }, { environment }: Cli): string {
  return resolve(options.dataDir ?? (environment.WEIR_DATA_DIR || '.weir'))
}

/** Address and token from flags, else the environment, else the data dir. Refused where that names one that is not there. */
export function connectionOf(options: ConnectionOptions, cli: Cli): Connection {
  const { environment } = cli
  const dataDir = dataDirOf(options, cli)
  const holder = readLastHolder(dataDir)
  const isRunning = holder !== undefined && isAlive(holder)
  const held = isRunning ? holder.admin : undefined
  const given = options.url ?? (environment.WEIR_URL || undefined)
  // Whoever answers at another address is another weir, or none.
  if (given === undefined && holder !== undefined && held === undefined)
    throw isRunning ? notReady(dataDir, holder) : gone(dataDir, holder)
  const url = parseUrl(given ?? held ?? defaultUrl)
  if (environment.WEIR_ADMIN_TOKEN) {
    return { url, token: environment.WEIR_ADMIN_TOKEN, tokenPlaces: 'WEIR_ADMIN_TOKEN' }
  }
  const file = tokenFile(dataDir)
  // The token of this machine's weir is nothing to send to another machine.
  const own = isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1')) || url.href === hrefOf(held)
  if (!own) return { url, token: undefined, tokenPlaces: 'WEIR_ADMIN_TOKEN, which is not set' }
  return { url, token: readToken(file), tokenPlaces: file }
}

function gone(dataDir: string, { pid, admin }: Holder): Refused {
  const where = admin === undefined ? '' : `, at ${admin}`
  return new Refused(
    `weir of ${dataDir} is gone without having been stopped (pid ${pid}${where}).`,
    'Start it again with `weir up` or `weir serve`, or name the address of another one by --url or WEIR_URL.',
  )
}

function notReady(dataDir: string, { pid }: Holder): Refused {
  return new Refused(
    `weir (pid ${pid}) of ${dataDir} does not serve its admin API yet.`,
    'Try again when it is ready, or name the address of another one by --url or WEIR_URL.',
  )
}

/** The token in a file, if it is there and readable. */
export function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  throw new Usage(`${text} is not an http or https URL: write it as ${defaultUrl}`)
}

function hrefOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : URL.parse(text)?.href
}
