import { type Control, unsettled } from './control.ts'
import type { Floods } from './floods.ts'
import type { FrameSink } from './frame-reader.ts'
import { frameType } from './frames.ts'
import type { Requests } from './requests.ts'
import type { Counts } from './shared.ts'
import { protocolViolation } from './violation.ts'

export const drainPing = Buffer.from('draining', 'latin1')

/** Hands each frame to whom it is about (RFC 9113 section 6), and knows which may not come now. */
export class FrameRouter implements FrameSink {
  readonly #counts: Counts
  readonly #requests: Requests
  readonly #control: Control
  readonly #floods: Floods
  readonly #drained: () => void

  /** @param drained is told of the acknowledgement of `drainPing` */
  constructor(counts: Counts, requests: Requests, control: Control, floods: Floods, drained: () => void) {
    this.#counts = counts
    this.#requests = requests
    this.#control = control
    this.#floods = floods
    this.#drained = drained
  }

  frame(type: number, flags: number, id: number, source: Buffer, start: number, end: number): void {
    const requests = this.#requests
    const control = this.#control
    this.#counts.frames++
    const { openStream } = requests.blocks
    if (openStream !== 0 && (type !== frameType.continuation || id !== openStream)) {
      throw protocolViolation('a block of headers that does not end')
    }
    if (!control.settled && type !== frameType.settings) throw unsettled()
    if (type === frameType.data) requests.data(flags, id, source, start, end)
    else if (type === frameType.headers) requests.headers(flags, id, source, start, end)
    else if (type === frameType.windowUpdate) control.windowUpdate(id, source, start, end)
    else if (type === frameType.rstStream) requests.cancel(id, start, end)
    else if (type === frameType.continuation) {
      if (openStream === 0) throw protocolViolation('CONTINUATION of nothing')
      requests.continuation(flags, source, start, end)
    } else if (type === frameType.ping) {
      if (control.ping(flags, id, source, start, end, drainPing)) this.#drained()
    } else if (type === frameType.settings) control.settings(flags, id, source, start, end)
    else if (type === frameType.priority) control.priority(id, source, start, end)
    else if (type === frameType.goaway) control.goaway(id, start, end)
    else if (type === frameType.pushPromise) throw protocolViolation('clients push nothing')
    else this.#floods.idleFrame()
  }
}
