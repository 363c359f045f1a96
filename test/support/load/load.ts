/**
 * A client that sends at a constant rate, for tests that change something meanwhile and want no request to fail.
 *
 *     const load = await startLoad({ port, ratePerSecond: 500, path: '/', tls: true, servername: 'shop.example',
 *       kinds: { keptAlive: 1, http2: 1, newConnection: 1 } })
 *     ... restart, rotate, edit ...
 *     const { sent, failures, statuses } = await load.stop()
 *     assert.deepEqual(failures, [])
 *
 * It runs in a thread of its own, so that the work of the test does not hold it up, and sends what is due whether what
 * was sent before is answered or not. `slow-download.ts` has the one long response beside it. What a client may retry by
 * the standards is retried and counted (`retriedIdle`, `retriedRefused`); all else that is not answered as expected is a
 * failure: no connection, a connection that is closed under a request, another status, no answer within 10 s.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Certificates, LoadResult } from './tally.ts'

/**
 * How a request finds its connection: over one of a few of HTTP/1.1 that are kept, over a session of HTTP/2, or over one
 * that is opened for it.
 */
export type Kind = 'keptAlive' | 'http2' | 'newConnection'

/** Whom it talks to: a listener, or what balances over several, on 127.0.0.1. */
export interface Target {
  port: number
  /** Over TLS; any certificate will do. */
  tls?: boolean
  /** For SNI, and the `host` unless that is given. */
  servername?: string
  /** `host` or `:authority`. */
  host?: string
}

export interface LoadOptions extends Target {
  /** Requests a second of all kinds together. */
  ratePerSecond: number
  path: string
  /** Besides `host`; those of a list are sent in turns. */
  headers?: Record<string, string> | Record<string, string>[]
  /** What part of the requests each kind has, in parts of their sum; by default all are kept alive. */
  kinds?: Partial<Record<Kind, number>>
  /** Of kind `keptAlive`; each has one request at a time, and others wait for it. */
  connections?: number
  /** Of kind `http2`. */
  sessions?: number
  /** What is no failure; by default 200 alone. */
  expected?: number[]
  /** What is due while so many are under way is not sent, and is a failure. */
  maxInFlight?: number
}

export interface Load {
  /** Certificates that new connections were shown so far, by serial number. */
  readonly certificates: ReadonlyMap<string, Certificates>
  /** Ends it and waits for the requests under way. It ends by itself after ten minutes. */
  stop(): Promise<LoadResult>
}

/** What the thread says. */
export type Report =
  | { is: 'started' }
  | { is: 'certificates'; seen: Map<string, Certificates> }
  | { is: 'stopped'; result: LoadResult }

/** Resolves when the first requests are about to be sent. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options })
  let certificates: ReadonlyMap<string, Certificates> = new Map()
  worker.on('message', (report: Report) => {
    if (report.is === 'certificates') certificates = report.seen
  })
  const said = async <Is extends Report['is']>(is: Is) => {
    for (;;) {
      const [report] = (await once(worker, 'message')) as [Report]
      if (report.is === is) return report as Extract<Report, { is: Is }>
    }
  }
  await said('started')
  // A test that fails before it stops its load must end, too.
  worker.unref()
  return {
    get certificates() {
      return certificates
    },
    async stop() {
      worker.ref()
      const stopped = said('stopped')
      worker.postMessage('stop')
      const { result } = await stopped
      await worker.terminate()
      return result
    },
  }
}
