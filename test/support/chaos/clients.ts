import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** A request, with times of this process in milliseconds. */
export interface Asked {
  readonly port: number
  readonly path: string
  readonly sentAt: number
  readonly answeredAt: number
  /** 0 where there was no answer. */
  readonly status: number
  /** Why there was none; `hung` where the client gave up. */
  readonly error: string | undefined
}

export interface Clients {
  readonly asked: readonly Asked[]
  /** Waits until all that was sent is answered. */
  stop(): Promise<void>
}

/** Longer than anything may take: who waits for so long hangs. */
export const patienceMs = 15_000

/** Clients of each port and path, that ask again and again over a connection of their own. */
export function startClients(ports: readonly number[], paths: readonly string[], pauseMs: number): Clients {
  const asked: Asked[] = []
  let isOver = false
  const one = async (port: number, path: string) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!isOver) {
      asked.push(await ask(port, path, agent))
      await delay(pauseMs)
    }
    agent.destroy()
  }
  const done = Promise.all(ports.flatMap((port) => paths.map((path) => one(port, path))))
  return {
    asked,
    async stop() {
      isOver = true
      await done
    },
  }
}

function ask(port: number, path: string, agent: Agent): Promise<Asked> {
  const sentAt = performance.now()
  return new Promise((resolve) => {
    const end = (status: number, error?: string) => {
      clearTimeout(patience)
      resolve({ port, path, sentAt, answeredAt: performance.now(), status, error })
    }
    const outgoing = request({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.once('error', ({ message }) => end(0, message))
      response.once('end', () => end(response.statusCode!))
      response.resume()
    })
    const patience = setTimeout(() => {
      end(0, 'hung')
      outgoing.destroy()
    }, patienceMs)
    outgoing.once('error', ({ message }) => end(0, message))
    outgoing.end()
  })
}
