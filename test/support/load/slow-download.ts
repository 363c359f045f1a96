import type { IncomingMessage } from 'node:http'
import { type ClientRequest, request as tcpRequest } from 'node:http'
import { connect } from 'node:http2'
import { request as tlsRequest } from 'node:https'
import type { Answer } from '../upstream.ts'
import type { Target } from './load.ts'
import { reasonOf } from './sender.ts'

const pieces = 50
const piece = Buffer.alloc(1_024, 'x')

/** What a slow download is in full. */
export const slowBytes = pieces * piece.length

/** An upstream's answer that takes about that long, piece by piece, and says its length first. */
export function slowAnswer(seconds = 5): Answer {
  return (response) => {
    response.writeHead(200, { 'content-length': slowBytes })
    let left = pieces
    const timer = setInterval(
      () => {
        response.write(piece)
        if (--left > 0) return
        clearInterval(timer)
        response.end()
      },
      (seconds * 1_000) / pieces,
    )
    response.once('close', () => clearInterval(timer))
  }
}

export interface Downloaded {
  /** That of an answer that came to its end. */
  status?: number
  bytes: number
  seconds: number
  /** Why there is no whole answer. */
  failure?: string
}

export interface SlowDownload {
  /** Resolves when its first bytes are there: what is done then meets it under way. Throws where none come. */
  readonly begun: Promise<void>
  /** How it ended; it does not throw. */
  readonly done: Promise<Downloaded>
}

/** One long answer over a connection of its own, whose end only the server decides. */
export function slowDownload(target: Target & { path: string; http2?: boolean }): SlowDownload {
  const from = performance.now()
  const seconds = () => (performance.now() - from) / 1_000
  const { promise: begun, resolve: first, reject: none } = Promise.withResolvers<void>()
  // Whoever waits for the end alone is told there.
  begun.catch(() => {})
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    first()
  }
  const whole = target.http2 ? overHttp2(target, count) : overHttp1(target, count)
  const done = whole.then(
    (status) => ({ status, bytes, seconds: seconds() }),
    (error) => {
      none(error)
      return { failure: reasonOf(error), bytes, seconds: seconds() }
    },
  )
  return { begun, done }
}

type Take = (chunk: Buffer) => void

function overHttp1(target: Target & { path: string }, take: Take): Promise<number> {
  const { port, path, tls, servername, host = servername } = target
  const options = { host: '127.0.0.1', port, path, agent: false as const, headers: host ? { host } : {} }
  return new Promise((resolve, reject) => {
    const onAnswer = (answer: IncomingMessage) =>
      answer
        .on('data', take)
        .once('error', reject)
        .once('end', () => resolve(answer.statusCode!))
    const outgoing: ClientRequest = tls
      ? tlsRequest({ ...options, servername, rejectUnauthorized: false }, onAnswer)
      : tcpRequest(options, onAnswer)
    outgoing.once('error', reject).end()
  })
}

function overHttp2(target: Target & { path: string }, take: Take): Promise<number> {
  const { port, path, tls, servername, host = servername } = target
  const scheme = tls ? 'https' : 'http'
  const session = connect(`${scheme}://127.0.0.1:${port}`, { servername, rejectUnauthorized: false })
  return new Promise<number>((resolve, reject) => {
    session.once('error', reject)
    const stream = session.request({ ':path': path, ...(host ? { ':authority': host } : {}) })
    let status: number | undefined
    let complete = false
    stream
      .once('response', (answer) => {
        status = answer[':status']
      })
      .on('data', take)
      .once('error', reject)
      .once('end', () => {
        complete = true
      })
      .once('close', () => {
        // An answer that is cut short ends like a whole one, but for the code.
        if (complete && status !== undefined && stream.rstCode === 0) resolve(status)
        else reject(new Error(`the stream was reset with ${stream.rstCode}`))
      })
  }).finally(() => session.destroy())
}
