import { createServer } from 'node:net'

/** A port of 127.0.0.1 that was free a moment ago, outside the range from which systems pick client ports. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 15_000 + Math.floor(Math.random() * 17_000)
    if (await canBind(port)) return port
  }
  throw new Error('no free port was found between 15000 and 32000')
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
