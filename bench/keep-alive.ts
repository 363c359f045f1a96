import { once } from 'node:events'
import { connect } from 'node:net'

export interface KeepAlive {
  /** Sends a request's head and resolves with the head of its answer; one at a time. */
  ask(head: string): Promise<string>
  close(): void
}

/**
 * One HTTP/1.1 connection to a port of this machine, for answers that say how long they are. Node's own client takes
 * several times as long as what is measured here.
 */
export async function keepAlive(port: number): Promise<KeepAlive> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  let text = ''
  let settle: { resolve: (head: string) => void; reject: (error: Error) => void } | undefined
  socket.setEncoding('latin1').on('data', (data) => {
    text += data
    const end = text.indexOf('\r\n\r\n') + 4
    if (end < 4) return
    const head = text.slice(0, end)
    if (text.length < end + bodyLength(head)) return
    text = ''
    settle?.resolve(head)
  })
  socket.on('error', (error) => settle?.reject(error))
  socket.on('close', () => settle?.reject(new Error('the connection was closed')))
  return {
    ask: (head) =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject }
        socket.write(head)
      }),
    close: () => void socket.destroy(),
  }
}

function bodyLength(head: string): number {
  return Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
}

/** The head of a GET request. */
export function requestHead(host: string, path: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}
