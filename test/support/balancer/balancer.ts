import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

interface Address {
  host: string
  port: number
}

export interface Member {
  name: string
  address: Address
  /** Where `GET /ready` tells whether it wants connections. */
  health: Address
}

export interface Balancer {
  port: number
  /** The members that want connections, by name. */
  ready(): Promise<string[]>
  /** Which member has the connection of the client at this port. */
  memberOf(clientPort: number): Promise<string | undefined>
  close(): Promise<void>
}

/**
 * A TCP load balancer in a thread of its own: round robin over the members that were ready within the last 100 ms, and
 * where one refuses a connection over the others; a connection stays where it is.
 */
export async function startBalancer(members: Member[]): Promise<Balancer> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: members })
  const [{ port }] = (await once(worker, 'message')) as [{ port: number }]
  let asked = 0
  async function ask<T>(question: { clientPort?: number }): Promise<T> {
    const id = ++asked
    const answered = new Promise<T>((resolve) => {
      const look = (message: { id: number; answer: T }) => {
        if (message.id !== id) return
        worker.off('message', look)
        resolve(message.answer)
      }
      worker.on('message', look)
    })
    worker.postMessage({ id, ...question })
    return answered
  }
  return {
    port,
    ready: () => ask({}),
    memberOf: (clientPort) => ask({ clientPort }),
    async close() {
      await worker.terminate()
    },
  }
}
