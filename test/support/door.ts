import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Door {
  /** The URL of what is behind, through the door. */
  url: string
  /** Breaks every connection and lets none through. */
  shut(): Promise<void>
  open(): Promise<void>
  /** Nothing passes any more, and nobody is told: what is sent waits. */
  freeze(): void
  thaw(): void
  /** Breaks every connection; those that come from now on are let in to another target. */
  turn(target: string): void
}

/** A TCP way to a server that can be shut, so that a real one goes away and comes back, or another takes its place. */
export async function openDoor(target: string): Promise<Door> {
  let url = new URL(target)
  const sockets = new Set<Socket>()
  let isFrozen = false
  const server = createServer((inner) => {
    const outer = connect(Number(url.port), url.hostname)
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
      if (isFrozen) socket.pause()
    }
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  const through = new URL(target)
  through.port = String(port)
  return {
    url: through.href,
    async shut() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
    open: () => listen(port),
    freeze() {
      isFrozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    turn(target) {
      url = new URL(target)
      for (const socket of sockets) socket.destroy()
    },
  }
}
