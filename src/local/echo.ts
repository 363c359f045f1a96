import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { adoptChild, type Child, goneWithin, type StopStep, startChild, stopProcess } from './child.ts'
import { supervise } from './supervise.ts'

const name = 'echo'
const readyMs = 10_000
const steps: StopStep[] = [{ signal: 'SIGTERM', graceMs: 2_000 }]

/** Starts (or adopts) the quickstart's upstream on `host:port` and keeps it running. */
export async function startEcho(options: {
  host: string
  port: number
  dataDir: string
  observe: Observe
}): Promise<{ stop(): Promise<void> }> {
  const { host, port, dataDir, observe } = options
  const args = [program(), host, String(port)]
  const fingerprint = createHash('sha256').update(JSON.stringify(args)).digest('hex')
  const launch = async (): Promise<Child> => {
    const running = await adoptChild({
      name,
      dataDir,
      fingerprint,
      observe,
      stop: (record) => stopProcess(record, steps),
    })
    if (running !== undefined) return running
    const command = { file: process.execPath, args, env: {}, cwd: resolve(dataDir) }
    const child = await startChild({ name, dataDir, command, port, fingerprint, observe })
    await accepting(child, host, port)
    return child
  }
  const supervised = await supervise({ launch, stopChild: (child) => child.stop(steps), observe })
  return { stop: supervised.stop }
}

/** The program as source, or as built where only that is there. */
function program(): string {
  const source = join(import.meta.dirname, 'echo-server.ts')
  return existsSync(source) ? source : join(import.meta.dirname, 'echo-server.js')
}

async function accepting(child: Child, host: string, port: number): Promise<void> {
  const deadline = performance.now() + readyMs
  for (;;) {
    // Looked at first: a stranger on the port accepts connections too.
    const gone = await goneWithin(child.identity, 50)
    if (gone) {
      throw startupError(
        `The echo upstream cannot use ${host}:${port} (${child.log().split('\n').at(-1)}).`,
        'Free that port, or start without the quickstart by WEIR_CONFIG= (empty).',
      )
    }
    if (await connects(host, port)) return
    if (performance.now() > deadline) {
      await child.stop(steps)
      throw startupError('The echo upstream does not answer.', `Its log is ${dataLog(child)}.`)
    }
    await delay(20)
  }
}

function dataLog(child: Child): string {
  return `log/${child.name}.log in the data dir`
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
