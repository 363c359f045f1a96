import { connect } from 'node:net'

/**
 * Sends bytes over a connection of its own, and answers with all that comes back until an answer in HTTP/1.1 says that it
 * is the last one and is whole, the peer closes, or nothing has come for a while after something had.
 */
export function rawExchange(
  port: number,
  bytes: string | Uint8Array,
  { quietMs = 300, atMostMs = 5_000, from = '127.0.0.1' } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ port, host: '127.0.0.1', localAddress: from }, () => socket.write(bytes))
    const finish = () => {
      clearTimeout(late)
      clearTimeout(quiet)
      socket.destroy()
      resolve(text)
    }
    let quiet: NodeJS.Timeout | undefined
    const late = setTimeout(finish, atMostMs)
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      clearTimeout(quiet)
      if (isOver(text)) finish()
      else quiet = setTimeout(finish, quietMs)
    })
    socket.once('error', finish)
    socket.once('close', finish)
  })
}

/** `Connection: close` (RFC 9112, section 9.6), and as much content as that answer has. */
function isOver(text: string): boolean {
  const last = /connection: close\r\n(?:.+\r\n)*\r\n/i.exec(text)
  if (last === null) return false
  const end = last.index + last[0].length
  const head = text.slice(text.lastIndexOf('HTTP/1.1 ', last.index), end)
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  return length === undefined || text.length >= end + Number(length)
}
