import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { installedIn, type PipPackage, pipInstall } from './pip-install.ts'

/** A program of others that weir runs: how it is found, told from others, and installed. */
export interface Program {
  /** Its file on the PATH. */
  file: string
  /** What fits, with its article. */
  wanted: string
  /** The variable that may hold its path. */
  variable: string
  /** The version in what it says to `--version`. */
  versionIn(text: string): string | undefined
  fits(version: string): boolean
  package: PipPackage
}

export interface FoundProgram {
  path: string
  version: string
  /** The variable that named it, or where it was found. */
  from: string
}

export interface FindOptions {
  /** The value of the program's variable; empty is as good as unset. */
  given?: string | undefined
  /** PATH. */
  path?: string | undefined
  dataDir: string
}

/**
 * The program of this machine, or undefined; in order its variable, PATH, the data dir. One that was given and does not
 * fit is a startup error; others are passed over and named in `skipped`.
 */
export async function findProgram(
  program: Program,
  options: FindOptions,
): Promise<{ found: FoundProgram | undefined; skipped: string[] }> {
  const { variable, wanted } = program
  const skipped: string[] = []
  if (options.given) {
    const path = resolve(options.given)
    const answer = await ask(program, path)
    if (answer.fits) return { found: { path, version: answer.version, from: variable }, skipped }
    throw startupError(
      `${variable}=${options.given} is not ${wanted} (${answer.said}).`,
      'Point it to one, or unset it to have one installed.',
    )
  }
  for (const { path, from } of candidates(program, options)) {
    const answer = await ask(program, path)
    if (answer.fits) return { found: { path, version: answer.version, from }, skipped }
    skipped.push(`${path} (${answer.said})`)
  }
  return { found: undefined, skipped }
}

function candidates(program: Program, { path = '', dataDir }: FindOptions) {
  // An entry relative to the current folder would run whatever lies there.
  const folders = path.split(':').filter(isAbsolute)
  const onPath = folders.map((folder) => join(folder, program.file)).filter(isProgram)
  const installed = installedIn(dataDir, program.package)
  return [
    ...onPath.map((each) => ({ path: each, from: 'PATH' })),
    ...(installed === undefined ? [] : [{ path: installed, from: 'data dir' }]),
  ]
}

/** Finds a program, or installs it into the data dir; both are told as steps. */
export async function ensureProgram(
  program: Program,
  options: FindOptions & { observe: Observe; signal?: AbortSignal },
): Promise<FoundProgram> {
  const { observe } = options
  const { title, folder, otherwise } = program.package
  const { found, skipped } = await findProgram(program, options)
  if (skipped.length > 0) {
    const detail = `passed over ${skipped.join(', ')}: weir needs ${program.wanted.replace(/^an? /, '')}`
    observe({ event: 'step', step: folder, detail })
  }
  if (found !== undefined) return found
  const path = await pipInstall(program.package, options)
  const answer = await ask(program, path)
  if (answer.fits) return { path, version: answer.version, from: 'data dir' }
  throw startupError(
    `The ${title} that pip installed does not run here (${answer.said}).`,
    `Instead ${otherwise}`,
  )
}

function isProgram(path: string): boolean {
  try {
    fs.accessSync(path, fs.constants.X_OK)
    return fs.statSync(path).isFile()
  } catch {
    return false
  }
}

/** `said`: its version, or else what it said, or why it said nothing. */
type Answer = { fits: true; version: string } | { fits: false; said: string }

function ask({ versionIn, fits }: Program, path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const child = spawn(path, ['--version'], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
    let text = ''
    const collect = (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(0, 4096)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', (error) => resolve({ fits: false, said: error.message }))
    child.once('close', () => {
      const version = versionIn(text)
      if (version === undefined)
        resolve({ fits: false, said: `it says "${text.trim().split('\n')[0] ?? ''}"` })
      else resolve(fits(version) ? { fits: true, version } : { fits: false, said: `version ${version}` })
    })
  })
}
