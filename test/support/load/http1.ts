import { type ClientRequest, type RequestOptions, Agent as TcpAgent, request as tcpRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Target } from './load.ts'
import { answerWithinMs, maxAttempts, type Sender, type SentRequest } from './sender.ts'
import type { Tally } from './tally.ts'

interface Sending {
  outgoing: ClientRequest
  answer: Promise<number>
}

function start(target: Target, { path, headers }: SentRequest, more: RequestOptions): Sending {
  const { port, tls = false, servername } = target
  const signal = AbortSignal.timeout(answerWithinMs)
  const options = { host: '127.0.0.1', port, path, headers, signal, ...more }
  const outgoing = tls
    ? tlsRequest({ ...options, servername, rejectUnauthorized: false })
    : tcpRequest(options)
  const answer = new Promise<number>((resolve, reject) => {
    outgoing.once('error', reject).once('response', (response) => {
      response.once('error', reject).once('end', () => resolve(response.statusCode!))
      response.resume()
    })
  })
  outgoing.end()
  return { outgoing, answer }
}

/**
 * A few connections that are kept, with the requests in turns. One that the server closes, after an answer with
 * `connection: close` or without a word while it is idle, is opened again for the next request, and a request that met
 * such an end is sent again.
 */
export function keptAlive(target: Target, connections: number, tally: Tally): Sender {
  const options = { keepAlive: true, maxSockets: 1, maxCachedSessions: 0 }
  const agents = Array.from({ length: connections }, () =>
    target.tls ? new TlsAgent(options) : new TcpAgent(options),
  )
  const known = new WeakSet<Socket>()
  let turn = 0

  async function send(request: SentRequest): Promise<number> {
    const agent = agents[turn++ % agents.length]!
    for (let attempt = 1; ; attempt++) {
      const { outgoing, answer } = start(target, request, { agent })
      // Node's own `reusedSocket` is false for a request that waited for its turn.
      let reused = false
      outgoing.once('socket', (socket) => {
        reused = known.has(socket)
        if (reused) return
        known.add(socket)
        tally.connected('keptAlive')
      })
      let begun = false
      outgoing.once('response', () => {
        begun = true
      })
      try {
        return await answer
      } catch (error) {
        const closed = ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')
        if (begun || !closed || !reused || attempt === maxAttempts) throw error
        tally.retriedIdle++
      }
    }
  }

  return {
    send,
    close() {
      for (const agent of agents) agent.destroy()
    },
  }
}

/** A connection for every request, with a whole handshake; `onCertificate` is told when one was not seen before. */
export function newConnection(target: Target, tally: Tally, onCertificate: () => void): Sender {
  return {
    send(request) {
      const begun = Date.now()
      const { outgoing, answer } = start(target, request, { agent: false })
      tally.connected('newConnection')
      outgoing.once('socket', (socket) =>
        socket.once('secureConnect', () => {
          const shown = (socket as TLSSocket).getPeerX509Certificate()
          if (shown !== undefined && tally.certificate(shown.serialNumber, begun)) onCertificate()
        }),
      )
      return answer
    },
    close() {},
  }
}
