import type { Kind } from './load.ts'

export interface Failure {
  kind: Kind
  reason: string
  /** Milliseconds of the clock. */
  at: number
}

/** When handshakes were answered with one certificate, in milliseconds of the clock. */
export interface Certificates {
  /** When the first of them was over. */
  first: number
  /** When the last of them was begun. */
  last: number
}

export interface LoadResult {
  /** For how long requests were sent. */
  seconds: number
  sent: number
  sentBy: Partial<Record<Kind, number>>
  ok: number
  /** How often each status was answered, expected or not. */
  statuses: Record<string, number>
  failed: number
  /** The first hundred. */
  failures: Failure[]
  /** Requests sent again since the server closed a connection that it had kept, before any answer (RFC 9112, section 9.3.1). */
  retriedIdle: number
  /** Requests sent again since the server said that it had not looked at them (RFC 9113, sections 6.8 and 8.7). */
  retriedRefused: number
  /** How many were opened. */
  connections: Partial<Record<Kind, number>>
  /** What new connections over TLS were shown, by serial number. */
  certificates: ReadonlyMap<string, Certificates>
  /** From when a request was due until its answer was complete. */
  latencyMs: { p50: number; p99: number; max: number }
}

const maxFailures = 100
const maxCertificates = 1_000

/** Everything that is counted while requests are sent. */
export class Tally {
  retriedIdle = 0
  retriedRefused = 0
  readonly certificates = new Map<string, Certificates>()
  private readonly connections: Partial<Record<Kind, number>> = {}
  private readonly sentBy: Partial<Record<Kind, number>> = {}
  private readonly statuses: Record<string, number> = {}
  private readonly failures: Failure[] = []
  private readonly latencies: number[] = []
  private readonly expected: readonly number[]
  private failed = 0

  constructor(expected: readonly number[]) {
    this.expected = expected
  }

  connected(kind: Kind): void {
    this.connections[kind] = (this.connections[kind] ?? 0) + 1
  }

  sent(kind: Kind): void {
    this.sentBy[kind] = (this.sentBy[kind] ?? 0) + 1
  }

  answered(kind: Kind, status: number, latencyMs: number): void {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1
    this.latencies.push(latencyMs)
    if (!this.expected.includes(status)) this.fail(kind, `answered ${status}`)
  }

  fail(kind: Kind, reason: string): void {
    this.failed++
    if (this.failures.length < maxFailures) this.failures.push({ kind, reason, at: Date.now() })
  }

  /** Answers whether it was not seen before. */
  certificate(serial: string, begun: number): boolean {
    const seen = this.certificates.get(serial)
    if (seen !== undefined) seen.last = Math.max(seen.last, begun)
    else if (this.certificates.size < maxCertificates)
      this.certificates.set(serial, { first: Date.now(), last: begun })
    return seen === undefined
  }

  result(seconds: number): LoadResult {
    const { sentBy, statuses, failed, failures, retriedIdle, retriedRefused, connections, certificates } =
      this
    const sorted = this.latencies.sort((a, b) => a - b)
    const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0)
    const sent = Object.values(sentBy).reduce((sum, count) => sum + count, 0)
    return {
      seconds,
      sent,
      sentBy,
      ok: sent - failed,
      statuses,
      failed,
      failures,
      retriedIdle,
      retriedRefused,
      connections,
      certificates,
      latencyMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    }
  }
}
