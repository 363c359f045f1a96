import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import { type Child, logPath, type StopStep } from './child.ts'
import { readRecord } from './run-record.ts'
import { type Supervised, supervise } from './supervise.ts'

/** A child ended before it served; its message says why. */
export class EndedEarly extends Error {}

const attempts = 3

/**
 * Supervises a server that is told its port of 127.0.0.1: that of its record, else one that is free. It keeps the port over
 * restarts. `launch` throws `EndedEarly` where the server ended at once: then the first start tries others, since a port that
 * was free a moment ago can be taken by now.
 */
export async function superviseOnPort(options: {
  name: string
  title: string
  dataDir: string
  /** Starts or adopts it; see `SuperviseOptions`. */
  launch: (port: number, signal: AbortSignal) => Promise<Child>
  stop: StopStep[]
  observe: Observe
  /** Gives up the first launch. */
  signal?: AbortSignal | undefined
}): Promise<Supervised> {
  const { name, title, dataDir, launch, stop, observe, signal } = options
  const recorded = readRecord(dataDir, name)?.port
  for (let attempt = 1; ; attempt++) {
    let port = attempt === 1 ? recorded || (await freePort()) : await freePort()
    try {
      return await supervise({
        async launch(stopping) {
          const child = await launch(port, stopping)
          port = child.port
          return child
        },
        stopChild: (child) => child.stop(stop),
        observe,
        signal,
      })
    } catch (error) {
      if (!(error instanceof EndedEarly)) throw error
      if (attempt === attempts)
        throw startupError(
          `${title} ended at its start: ${error.message}.`,
          `The log is ${logPath(dataDir, name)}.`,
        )
      await delay(300) // What one that was killed had is given back within moments.
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
