import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Forwarder {
  close(): Promise<void>
}

/** Passes connections to one loopback address on to another, at the same port: what a NAT is to a host behind it. */
export async function startForwarder(from: string, to: string, port: number): Promise<Forwarder> {
  const sockets = new Set<Socket>()
  const server = createServer((outer) => {
    const inner = connect(port, to)
    for (const [socket, other] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  server.listen(port, from)
  await once(server, 'listening')
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
