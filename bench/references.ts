import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../src/project-root.ts'
import { print } from './table.ts'

const cache = join(projectRoot, '.weir-bench')

/** Programs that are measured beside weir, or measure; one that is not there is left out of the tables. */
export interface References {
  envoyproxy: string | undefined
  limitador: string | undefined
  ghz: string | undefined
  h2load: string | undefined
  wrk: string | undefined
  nginx: string | undefined
}

/**
 * By their variable, else from the cache, else built: with Go and with Cargo in minutes. h2load, wrk and nginx are the
 * system's.
 */
export async function findReferences(): Promise<References> {
  return {
    envoyproxy: await envoyproxy(),
    limitador: await limitador(),
    ghz: await goProgram('GHZ_BIN', 'ghz', 'github.com/bojand/ghz/cmd/ghz'),
    h2load: await installed('H2LOAD_BIN', 'h2load'),
    wrk: await installed('WRK_BIN', 'wrk'),
    nginx: await installed('NGINX_BIN', 'nginx'),
  }
}

export function envoyproxy(): Promise<string | undefined> {
  return goProgram('RATELIMIT_BIN', 'service_cmd', 'github.com/envoyproxy/ratelimit/src/service_cmd')
}

/** Our own small server of that library; its module is in this repository. */
export function goControlPlane(): Promise<string | undefined> {
  const folder = join(import.meta.dirname, 'fleet', 'go-control-plane')
  const file = join(cache, 'go-control-plane')
  return built('GO_CONTROL_PLANE_BIN', file, 'go', ['build', '-C', folder, '-o', file, '.'])
}

async function goProgram(variable: string, name: string, source: string): Promise<string | undefined> {
  return built(variable, join(cache, name), 'go', ['install', `${source}@latest`])
}

async function limitador(): Promise<string | undefined> {
  const manifest = join(import.meta.dirname, 'ratelimit', 'limitador', 'Cargo.toml')
  const target = join(cache, 'limitador')
  const args = ['build', '--release', '--manifest-path', manifest, '--target-dir', target]
  return built('LIMITADOR_BIN', join(target, 'release', 'limitador-bench'), 'cargo', args)
}

async function built(
  variable: string,
  file: string,
  program: string,
  args: string[],
): Promise<string | undefined> {
  const given = process.env[variable]
  if (given !== undefined) return given
  if (existsSync(file)) return file
  try {
    print(`${program} ${args.join(' ')}`)
    await promisify(execFile)(program, args, { env: { ...process.env, GOBIN: cache } })
    return file
  } catch (error) {
    print(`Without ${variable}: ${String(error).split('\n')[0]}`)
    return undefined
  }
}

/** A program of the system, by its variable, else on the PATH. */
export async function installed(variable: string, name: string): Promise<string | undefined> {
  const given = process.env[variable]
  if (given !== undefined) return given
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin']
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
  if (found === undefined) print(`Without ${variable}: no ${name} on PATH.`)
  return found
}
