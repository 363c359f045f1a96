import { once } from 'node:events'
import { type ClientHttp2Stream, connect } from 'node:http2'

/** The status of one request over HTTP/2 with prior knowledge, to a port of this machine; a list is one field an item. */
export async function sendHttp2(
  port: number,
  { path, headers }: { path: string; headers: Record<string, string | string[]> },
): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`)
  try {
    const stream: ClientHttp2Stream = session.request({ ':path': path, ...headers })
    const [answer] = (await once(stream, 'response')) as [{ ':status': number }]
    stream.resume()
    await once(stream, 'end')
    return answer[':status']
  } finally {
    session.destroy()
  }
}
