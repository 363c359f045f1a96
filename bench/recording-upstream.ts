import { createServer, type Socket } from 'node:net'

export interface Arrival {
  /** The request's target, its query with it. */
  target: string
  /** `performance.now()` of this process. */
  at: number
}

export interface RecordingUpstream {
  port: number
  /** Requests in the order in which they came. */
  readonly arrivals: Arrival[]
  close(): Promise<void>
}

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'

/** An HTTP service that notes when each request came, and answers at once. Bare sockets, so that it is soon noted. */
export async function startRecordingUpstream(): Promise<RecordingUpstream> {
  const arrivals: Arrival[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined)
    let text = ''
    socket.setNoDelay(true).setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += chunk
      // Requests have no bodies, and Envoy sends one at a time.
      if (!text.endsWith('\r\n\r\n')) return
      arrivals.push({ target: text.split(' ', 2)[1]!, at: performance.now() })
      text = ''
      socket.write(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    port,
    arrivals,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
