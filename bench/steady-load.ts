import { keepAlive, requestHead } from './keep-alive.ts'

export interface SteadyLoadOptions {
  port: number
  /** Requests a second. */
  rate: number
  connections: number
  /** What is sent, in turns. */
  requests: { path: string; headers: Record<string, string> }[]
}

export interface SteadyLoad {
  /** Ends it, waits for the requests under way, and answers how often each status was seen. */
  stop(): Promise<Record<string, number>>
}

const tickMs = 5

/** Sends at a steady rate over kept-alive connections; where all are under way, what is due is sent later. */
export async function startSteadyLoad(options: SteadyLoadOptions): Promise<SteadyLoad> {
  const { port, rate } = options
  const idle = await Promise.all(Array.from({ length: options.connections }, () => keepAlive(port)))
  const all = [...idle]
  const heads = options.requests.map(({ path, headers }) => requestHead('bench.example', path, headers))
  const statuses: Record<string, number> = {}
  const pending = new Set<Promise<void>>()
  let sent = 0

  async function send(): Promise<void> {
    const connection = idle.pop()!
    const head = await connection.ask(heads[sent++ % heads.length]!)
    const status = head.slice(9, 12)
    statuses[status] = (statuses[status] ?? 0) + 1
    idle.push(connection)
  }

  const started = performance.now()
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1_000) * rate)
    while (sent < due && idle.length > 0) {
      const one = send()
      pending.add(one)
      void one.finally(() => pending.delete(one))
    }
  }, tickMs)
  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(pending)
      for (const connection of all) connection.close()
      return statuses
    },
  }
}
