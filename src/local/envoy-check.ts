import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from './files.ts'

/** What an Envoy says of a whole configuration. `unknown`: it was not asked, or did not say. */
export type EnvoyVerdict =
  | { readonly state: 'accepted' }
  | { readonly state: 'refused'; readonly error: string }
  | { readonly state: 'unknown'; readonly reason: string }

export interface EnvoyCheck {
  /** Asks an Envoy about a bootstrap in binary form. */
  ask(bootstrap: Buffer): Promise<EnvoyVerdict>
}

/** Bounds of one question; what is beyond is not known. */
const bounds = {
  milliseconds: 30_000,
  /** Of memory that Envoy takes, in bytes, and how often that is looked at. */
  residentBytes: 2 * 1024 ** 3,
  lookMs: 50,
  configurationBytes: 128 * 1024 ** 2,
  outputBytes: 256 * 1024,
  /** Questions that wait for their turn. */
  waiting: 16,
} as const

const pageBytes = 4_096

/**
 * Checks configurations by `envoy --mode validate`, one at a time: it reads and builds everything, binds no port and opens
 * no connection (Envoy docs: operations/cli). The configuration lies in a file of the data dir meanwhile, which only its
 * owner may read.
 */
export function createEnvoyCheck({ binary, dataDir }: { binary: string; dataDir: string }): EnvoyCheck {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  return {
    async ask(bootstrap) {
      if (bootstrap.length > bounds.configurationBytes) {
        return unknown(`the configuration has more than ${bounds.configurationBytes} bytes`)
      }
      if (waiting >= bounds.waiting) return unknown('too many checks are waiting')
      waiting++
      const turn = last.then(() => inFile(dataDir, bootstrap, (path) => run(binary, path)))
      last = turn.catch(() => undefined)
      return turn.finally(() => {
        waiting--
      })
    },
  }
}

async function inFile(
  dataDir: string,
  bootstrap: Buffer,
  work: (path: string) => Promise<EnvoyVerdict>,
): Promise<EnvoyVerdict> {
  makeFolder(join(dataDir, 'run'))
  const folder = await mkdtemp(join(dataDir, 'run', 'check-'))
  try {
    const path = join(folder, 'bootstrap.pb')
    await writeFile(path, bootstrap, { mode: 0o600 })
    return await work(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function run(binary: string, path: string): Promise<EnvoyVerdict> {
  const args = ['--mode', 'validate', '-c', path, '--log-level', 'error', '--disable-hot-restart']
  return new Promise((resolve) => {
    const child = spawn(binary, [...args, '--concurrency', '1'], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    let reason: string | undefined
    const end = (why: string) => {
      reason ??= why
      child.kill('SIGKILL')
    }
    const late = setTimeout(() => end(`no answer within ${bounds.milliseconds} ms`), bounds.milliseconds)
    const look = setInterval(() => {
      if (residentBytes(child.pid) > bounds.residentBytes)
        end(`it took more than ${bounds.residentBytes} bytes`)
    }, bounds.lookMs)
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-bounds.outputBytes)
    })
    child.once('error', (error) => end(error.message))
    child.once('close', (code) => {
      clearTimeout(late)
      clearInterval(look)
      if (reason !== undefined) resolve(unknown(reason))
      else if (code === 0) resolve({ state: 'accepted' })
      else resolve(refusal(said) ?? unknown(`it ended with ${code}: ${said.slice(-200)}`))
    })
  })
}

/** Linux tells it in pages; elsewhere the time is the only bound. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes
  } catch {
    return 0
  }
}

/** Its last word: `[critical] ... error initializing configuration 'file': what is wrong`. */
function refusal(said: string): EnvoyVerdict | undefined {
  const found = /error initializing configuration '[^']*': ([\s\S]*?)(?=\n\[\d{4}-|\s*$)/.exec(said)
  return found === null ? undefined : { state: 'refused', error: found[1]!.trim() }
}

function unknown(reason: string): EnvoyVerdict {
  return { state: 'unknown', reason }
}
