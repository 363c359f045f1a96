import { status } from '@grpc/grpc-js'
import { bounds } from './bounds.ts'

interface Call {
  emit(event: 'error', error: { code: status; details: string }): unknown
}

interface Reading {
  readonly network: string
  /** Since when a request of the call is there in part, as far as anybody looked; milliseconds. */
  since: number | undefined
  bytes: number
}

/**
 * Requests that have not arrived as a whole. Nobody else knows of them: a client that begins one on each of its streams, and
 * never ends it, would hold the memory of all of them.
 */
export class HalfRead {
  readonly #calls = new Map<Call, Reading>()

  add(call: Call, network: string): void {
    this.#calls.set(call, { network, since: undefined, bytes: 0 })
  }

  delete(call: Call): void {
    this.#calls.delete(call)
  }

  /** Ends calls whose request takes too long, and, where all of them or those of an address are too much, the oldest first. */
  look(now: number): void {
    const begun = [...this.#calls].filter(([call, reading]) => {
      reading.bytes = bytesOf(call)
      reading.since = reading.bytes === 0 ? undefined : (reading.since ?? now)
      return reading.bytes > 0
    })
    const inAll = { bytes: 0 }
    const ofAddress = new Map<string, { bytes: number }>()
    // From the youngest on, so that what is beyond a bound is older than what is within.
    for (const [call, { network, since, bytes }] of begun.toSorted(([, a], [, b]) => b.since! - a.since!)) {
      const own = ofAddress.get(network) ?? { bytes: 0 }
      ofAddress.set(network, own)
      const late = now - since! > bounds.requestMs
      const large =
        own.bytes + bytes > bounds.halfReadBytesOfAddress || inAll.bytes + bytes > bounds.halfReadBytes
      if (late || large) end(call, late)
      else for (const sum of [own, inAll]) sum.bytes += bytes
    }
  }
}

function end(call: Call, late: boolean): void {
  const details = late
    ? `a request did not arrive within ${bounds.requestMs} ms`
    : 'too much of requests has arrived that did not end; try again later'
  call.emit('error', { code: status.RESOURCE_EXHAUSTED, details })
}

/**
 * What has arrived of a request whose end has not. grpc-js has no word for this, so that it is read where grpc-js keeps it
 * (`test/xds/half-read.test.ts` says whether it is there).
 */
function bytesOf(call: object): number {
  const { call: inner } = call as {
    call?: { decoder?: { readMessageSize?: number; readMessageRemaining?: number } }
  }
  const { readMessageSize = 0, readMessageRemaining = 0 } = inner?.decoder ?? {}
  return readMessageRemaining === 0 ? 0 : readMessageSize - readMessageRemaining
}
