// Plain JavaScript that runs on Node 20, before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { run, say } from './spawn.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.weir-installed')

/** What stops the set-up, as the one line to print. */
export class SetupError extends Error {}

/**
 * Makes sure that the dependencies of package-lock.json are installed, and returns the path of a Node >= 24:
 * the pinned one, else the one that runs.
 *
 * @returns {Promise<string>}
 */
export async function ensureInstalled() {
  const lockfile = readText(join(root, 'package-lock.json'))
  if (lockfile === undefined)
    throw new SetupError(`There is no package-lock.json in ${root}. Clone the repository again.`)
  if (!isInstalled(lockfile)) {
    const unlock = await takeInstallLock()
    try {
      // Another start may have installed it while this one waited.
      if (!isInstalled(lockfile)) await install(lockfile)
    } finally {
      unlock()
    }
  }
  return (await pinnedNode()) ?? runningNode()
}

/** Whether node_modules is what package-lock.json asks for, by our stamp or else by npm's own record. @param {string} lockfile */
function isInstalled(lockfile) {
  const hash = createHash('sha256').update(lockfile).digest('hex')
  if (readText(stampFile)?.trim() === hash) return true
  const record = readText(join(modules, '.package-lock.json'))
  if (record === undefined || !covers(record, lockfile)) return false
  try {
    fs.writeFileSync(stampFile, `${hash}\n`)
  } catch {
    // A read-only node_modules is compared at every start.
  }
  return true
}

/** Whether every package that must be there is recorded with the version wanted. @param {string} record @param {string} lockfile */
function covers(record, lockfile) {
  try {
    const installed = JSON.parse(record).packages ?? {}
    for (const [path, wanted] of Object.entries(JSON.parse(lockfile).packages ?? {})) {
      if (path === '' || wanted.optional || wanted.devOptional || wanted.peer) continue
      if (installed[path]?.version !== wanted.version) return false
    }
    return true
  } catch {
    return false
  }
}

/** @param {string} lockfile */
async function install(lockfile) {
  say('weir: installing its npm packages (npm ci) ...')
  // The pinned Node and Envoy's protos are devDependencies: NODE_ENV=production must not leave them out.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const { code, stderr } = await npm(args, root)
  if (code !== 0) throw new SetupError(explain('npm ci failed', stderr, code))
  fs.writeFileSync(stampFile, `${createHash('sha256').update(lockfile).digest('hex')}\n`)
}

/** @param {string[]} args @param {string} cwd */
async function npm(args, cwd) {
  const cli = process.env.npm_execpath
  const [file, first] = cli && basename(cli) === 'npm-cli.js' ? [process.execPath, [cli]] : ['npm', []]
  try {
    return await run(file, [...first, ...args], { cwd, capture: true, stdout: 'ignore' })
  } catch (error) {
    throw new SetupError(`npm cannot be started (${messageOf(error)}). Install npm, and have it on the PATH.`)
  }
}

/** @param {string} what @param {string} stderr @param {number} code */
function explain(what, stderr, code) {
  if (code > 128) return `${what}: it was interrupted. Start it again.`
  const lines = stderr.split('\n').map((line) => line.replace(/^npm (error|ERR!)\s?/, '').trim())
  const told = lines.filter(
    (line) => line !== '' && !/^code |A complete log|^(errno|syscall|path) /.test(line),
  )
  const reason = told[0] ?? lines.find(Boolean) ?? `exit ${code}`
  return `${what} (${reason.slice(0, 300)}). ${remedyOf(stderr)}`
}

/** @param {string} text */
function remedyOf(text) {
  if (/ENOSPC|no space left/i.test(text)) return 'Free some disk space and start again.'
  if (/EROFS|EACCES|EPERM/.test(text)) return `Make ${root} writable for this user and start again.`
  if (/ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|network|SELF_SIGNED|CERT_/i.test(text)) {
    return 'The npm registry must be reachable: check the network, proxy or registry setting and start again.'
  }
  return 'Run `npm ci` yourself to see all of it.'
}

/** The Node that package.json pins, or undefined where it cannot run here. */
async function pinnedNode() {
  const found = workingPinnedNode()
  if (found !== undefined) return found
  // Its binary comes by an install script, which npm may have been told not to run.
  const folder = join(modules, 'node')
  const version = readVersion(join(folder, 'package.json'))
  if (version === undefined) return undefined
  say(`weir: installing Node ${version} ...`)
  const carrier = `${carrierName()}@${version}`
  const { code } = await npm(
    ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder, carrier],
    folder,
  )
  return code === 0 ? workingPinnedNode() : undefined
}

function carrierName() {
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'
  return `${prefix}-${process.platform}-${process.arch}`
}

/** The path of the pinned Node's binary, without installing anything. */
export function workingPinnedNode() {
  const places = [
    join(modules, 'node', 'bin', 'node'),
    join(modules, 'node', 'node_modules', carrierName(), 'bin', 'node'),
    join(modules, carrierName(), 'bin', 'node'),
  ]
  return places.find((path) => fs.existsSync(path) && isRecent(path))
}

/** @param {string} path */
function isRecent(path) {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000, env: {} })
  return majorOf(stdout ?? '') >= 24
}

/** @param {string} version */
export const majorOf = (version) => Number(/^v(\d+)\./.exec(version)?.[1] ?? 0)

function runningNode() {
  if (majorOf(process.version) >= 24) return process.execPath
  throw new SetupError(
    `weir needs Node 24 or newer; this is ${process.version}, and the pinned one does not run. ` +
      'Install Node 24 or newer, or let npm run install scripts and delete node_modules.',
  )
}

/** Two starts in one fresh clone must not both run npm ci. */
async function takeInstallLock() {
  const path = join(root, '.weir', 'install.lock')
  const own = `${path}.${process.pid}`
  for (let told = false; ; ) {
    try {
      fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // Linked when it is written, so that no crash leaves a lock without its holder.
      fs.writeFileSync(own, String(process.pid))
      fs.linkSync(own, path)
      return () => fs.rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST')
        throw new SetupError(explain(`${root} cannot be written`, String(error.message), 1))
    } finally {
      fs.rmSync(own, { force: true })
    }
    if (!isHeld(path)) {
      fs.rmSync(path, { force: true })
      continue
    }
    if (!told) say('weir: waiting for another start that installs the npm packages ...')
    told = true
    await delay(200)
  }
}

/** Whether a lock's holder still runs; one of long ago is somebody else with its number. @param {string} path */
function isHeld(path) {
  const holder = Number(readText(path))
  const age = Date.now() - (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
  return holder > 0 && age < 15 * 60_000 && isRunning(holder)
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** @param {string} path */
function readText(path) {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** @param {string} path @returns {string | undefined} */
function readVersion(path) {
  const text = readText(path)
  return text === undefined ? undefined : JSON.parse(text).version
}

/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error))

/** Runs a launcher; a set-up that fails is one line and exit code 1. @param {() => Promise<number>} launch */
export async function launcher(launch) {
  try {
    process.exitCode = await launch()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    say(`weir: ${error.message}`)
    process.exitCode = 1
  }
}
