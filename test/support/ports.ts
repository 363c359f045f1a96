import { createServer } from 'node:net'

/** Outside the range from which systems pick the ports of clients. */
const [lowest, highest] = [15_000, 32_000]

/** Files that run at the same time at most, each with ports of its own: what was free a moment ago still is. */
const workers = 4
const share = (highest - lowest) / workers
const first = lowest + share * ((Number(process.env.NODE_TEST_WORKER_ID ?? 1) - 1) % workers)

const given = new Set<number>()

/** A port of 127.0.0.1 that was free a moment ago, and that no test asked for before, in this file or one beside it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = first + Math.floor(Math.random() * share)
    if (given.has(port) || !(await canBind(port))) continue
    given.add(port)
    return port
  }
  throw new Error(`no free port was found between ${first} and ${first + share}`)
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
