import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { Target } from './load.ts'
import { answerWithinMs, maxAttempts, type Sender, type SentRequest } from './sender.ts'
import type { Tally } from './tally.ts'

/** What Node says of a request that it did not send since the session was told to go away. */
const notSent = ['ERR_HTTP2_GOAWAY_SESSION', 'ERR_HTTP2_INVALID_SESSION']

class Unanswered extends Error {
  /** Whether the server has surely not looked at the request (RFC 9113, section 8.7). */
  readonly refused: boolean

  constructor(stream: ClientHttp2Stream, error: NodeJS.ErrnoException | undefined) {
    super(error?.code ? `${error.code}: ${error.message}` : (error?.message ?? `reset ${stream.rstCode}`), {
      cause: error,
    })
    // Streams above a GOAWAY's last one end with this code, too: nghttp2 closes them so.
    this.refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || notSent.includes(error?.code ?? '')
  }
}

/** A few sessions that are kept, with the requests in turns; one that is told to go away makes room for a new one. */
export function multiplexed(target: Target, sessions: number, tally: Tally): Sender {
  const { port, tls = false, servername } = target
  const open: (ClientHttp2Session | undefined)[] = Array.from({ length: sessions })
  const all = new Set<ClientHttp2Session>()
  let turn = 0

  function connected(): ClientHttp2Session {
    const session = connect(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`, {
      servername,
      rejectUnauthorized: false,
    })
    tally.connected('http2')
    all.add(session)
    // Its requests tell what went wrong.
    session.on('error', () => {}).once('close', () => all.delete(session))
    return session
  }

  /** A session of which nothing says that it is about to end. */
  function session(): ClientHttp2Session {
    const index = turn++ % sessions
    const kept = open[index]
    if (kept !== undefined && !kept.closed && !kept.destroyed) return kept
    const next = connected()
    open[index] = next
    return next
  }

  async function send(request: SentRequest): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(session(), request)
      } catch (error) {
        if (!(error instanceof Unanswered && error.refused) || attempt === maxAttempts) throw error
        tally.retriedRefused++
      }
    }
  }

  return {
    send,
    close() {
      for (const session of all) session.destroy()
    },
  }
}

function ask(session: ClientHttp2Session, { path, headers }: SentRequest): Promise<number> {
  const { host, ...others } = headers
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ':path': path, ...(host === undefined ? {} : { ':authority': host }), ...others },
      { signal: AbortSignal.timeout(answerWithinMs) },
    )
    let status: number | undefined
    let failure: Error | undefined
    let complete = false
    stream
      .once('response', (answer) => {
        status = answer[':status']
      })
      .once('error', (error) => {
        failure = error
      })
      .once('end', () => {
        complete = true
      })
      .once('close', () => {
        // An answer that is cut short ends like a whole one, but for the code.
        if (complete && status !== undefined && failure === undefined && stream.rstCode === 0) resolve(status)
        else reject(new Unanswered(stream, failure))
      })
    stream.resume()
  })
}
