import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { startupError } from '../errors.ts'
import { folderError, writeAtomically } from './files.ts'
import type { PostgresHome } from './postgres-home.ts'

/** A database cluster (PostgreSQL's word for a data directory) that exists, and the password of its superuser. */
export interface Cluster {
  data: string
  password: string
}

/**
 * The cluster of a data dir, made by initdb when there is none. It appears under its name only when complete.
 * As root it lies outside the data dir: one whose data dir was deleted meanwhile is set aside, not opened, so
 * that a deleted data dir means a fresh start; `clear` ends what may still run on it.
 */
export async function openCluster(
  dataDir: string,
  place: PostgresHome,
  clear: (data: string) => Promise<void>,
): Promise<Cluster> {
  const data = join(place.home, 'data')
  const passwordFile = join(dataDir, 'postgres.password')
  const known = readPassword(passwordFile)
  if (fs.existsSync(data)) {
    if (known !== undefined) return { data, password: known }
    if (place.account === undefined) {
      throw startupError(
        `The password of the embedded PostgreSQL, ${passwordFile}, is missing.`,
        `Restore it, or move ${place.home} away to start afresh.`,
      )
    }
    await clear(data)
    const aside = join(place.home, 'data.old')
    fs.rmSync(aside, { recursive: true, force: true })
    fs.renameSync(data, aside)
  }
  const password = known ?? randomBytes(24).toString('base64url')
  try {
    if (known === undefined) writeAtomically(passwordFile, password)
  } catch (error) {
    throw folderError(dataDir, error)
  }
  await initialise(place, data, password)
  return { data, password }
}

function readPassword(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

async function initialise(place: PostgresHome, data: string, password: string): Promise<void> {
  const { home, account, bin, run } = place
  for (const entry of fs.readdirSync(home)) {
    if (entry.startsWith('init-')) fs.rmSync(join(home, entry), { recursive: true, force: true })
  }
  const draft = join(home, `init-${randomBytes(4).toString('hex')}`)
  const pwfile = `${draft}.pw`
  try {
    fs.writeFileSync(pwfile, password, { mode: 0o600, flag: 'wx' })
    if (account !== undefined) fs.chownSync(pwfile, account.uid, account.gid)
    const args = [
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ]
    const failure = await output(
      join(bin, 'initdb'),
      [`--pgdata=${draft}`, `--pwfile=${pwfile}`, ...args],
      run,
    )
    if (failure !== undefined) {
      throw startupError(
        `PostgreSQL could not make its data folder in ${home} (${failure}).`,
        remedyOf(failure),
      )
    }
    fs.renameSync(draft, data)
  } finally {
    fs.rmSync(draft, { recursive: true, force: true })
    fs.rmSync(pwfile, { force: true })
  }
}

function remedyOf(failure: string): string {
  if (/no space left|disk quota/i.test(failure))
    return 'Free some space, or choose another folder with WEIR_DATA_DIR.'
  return 'Repair that, or set DATABASE_URL to a PostgreSQL of your own.'
}

/** Runs a program to its end; undefined when it succeeded, else the line that says why not. */
function output(file: string, args: string[], run: PostgresHome['run']): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { ...run, stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000 })
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-8192)
    })
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(undefined)
      const lines = text.trim().split('\n')
      resolve(
        lines.find((line) => /error|fatal|could not/i.test(line)) ?? lines.at(-1) ?? `${code ?? signal}`,
      )
    })
  })
}
