import { Agent, get } from 'node:http'

export interface Load {
  /** Ends it and waits for the requests under way; answers how often each outcome was seen. */
  stop(): Promise<Record<string, number>>
}

/** Sends `rate` requests a second over kept-alive connections until it is stopped, at most for a minute. */
export function startLoad(options: {
  port: number
  path: string
  rate: number
  headers?: Record<string, string>
}): Load {
  const { port, path, rate, headers = {} } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const outcomes: Record<string, number> = {}
  const pending = new Set<Promise<void>>()
  const send = () => {
    const request = new Promise<void>((resolve) => {
      const count = (outcome: string) => {
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
        resolve()
      }
      get({ host: '127.0.0.1', port, path, headers, agent, timeout: 10_000 }, (response) => {
        response.resume()
        response.on('end', () => count(String(response.statusCode)))
        response.on('error', (error) => count(error.message))
      }).on('error', (error) => count(error.message))
    })
    pending.add(request)
    void request.finally(() => pending.delete(request))
  }
  const started = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const elapsed = performance.now() - started
    if (elapsed > 60_000) clearInterval(timer)
    for (const due = Math.floor((elapsed / 1000) * rate); sent < due; sent++) send()
  }, 5)
  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(pending)
      agent.destroy()
      return outcomes
    },
  }
}
