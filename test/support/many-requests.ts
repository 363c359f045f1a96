import { connect, createServer, type Server, type Socket } from 'node:net'

export interface ManyOptions {
  count: number
  /** How many are under way at once, each on a connection of its own. */
  parallel?: number
  path: string
  headers?: (index: number) => Record<string, string>
  /** Source address of each connection. */
  from?: string
}

/**
 * Sends that many requests over kept-alive connections to a port of this machine, the next as soon as one is answered.
 * Answers with the upstream that each came to, by its name; every status but 200 is an error. Bare sockets, since the
 * driver must not be what is measured.
 */
export async function sendMany(port: number, options: ManyOptions): Promise<string[]> {
  const { count, parallel = 16, path, headers = () => ({}), from = '127.0.0.1' } = options
  const upstreams = new Array<string>(count)
  let next = 0
  const text = (index: number) =>
    [
      `GET ${path} HTTP/1.1`,
      'host: many.example',
      ...Object.entries(headers(index)).map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n')

  const worker = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, localAddress: from })
      const end = (settle: () => void) => {
        socket.destroy()
        settle()
      }
      let current = -1
      const ask = () => {
        if (next >= count) return end(resolve)
        current = next++
        socket.write(text(current))
      }
      socket.setNoDelay(true).once('connect', ask)
      socket
        .once('error', reject)
        .once('close', () => reject(new Error(`${path}: the connection was closed`)))
      onAnswers(socket, ({ status, upstream }) => {
        if (status !== 200) return end(() => reject(new Error(`${path} answered ${status}`)))
        upstreams[current] = upstream
        ask()
      })
    })
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, worker))
  return upstreams
}

/** Reads whole answers with a `content-length`. */
function onAnswers(socket: Socket, take: (answer: { status: number; upstream: string }) => void): void {
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
    const end = text.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = text.slice(0, end)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (text.length < end + 4 + length) return
    text = text.slice(end + 4 + length)
    const upstream = /\r\nx-upstream: (.*)/i.exec(head)?.[1] ?? ''
    take({ status: Number(head.slice(9, 12)), upstream })
  })
}

export interface QuickUpstream {
  port: number
  close(): Promise<void>
}

/** An HTTP service that answers every request with its name, after `delayMs`, and does nothing else. */
export async function startQuickUpstream(name: string, delayMs = 0): Promise<QuickUpstream> {
  const answer = `HTTP/1.1 200 OK\r\nx-upstream: ${name}\r\ncontent-length: 0\r\n\r\n`
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    let text = ''
    socket.setNoDelay(true).setEncoding('latin1')
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined)
    socket.on('data', (chunk) => {
      text += chunk
      // Requests have no bodies, and Envoy sends one at a time.
      if (!text.endsWith('\r\n\r\n')) return
      text = ''
      if (delayMs === 0) socket.write(answer)
      else setTimeout(() => socket.write(answer), delayMs)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** How often each value is there. */
export function counts(values: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const value of values) found[value] = (found[value] ?? 0) + 1
  return found
}
