import { Readable } from 'node:stream'
import type { FleetEvent } from '../model/fleet-event.ts'
import type { FleetEvents } from './context.ts'

/** Milliseconds. */
export interface StreamTimes {
  /** Between comments that keep the connection from looking idle. */
  heartbeatMs: number
  /** For which a client may read nothing of what is there for it. */
  stalledMs: number
  /** For which the last words to it wait to be read. */
  graceMs: number
}

const usualTimes: StreamTimes = { heartbeatMs: 15_000, stalledMs: 30_000, graceMs: 5_000 }

/** Bytes that wait for one client; what it has not read beyond that stays in the log, which all clients share. */
const bufferedBytes = 64 * 1024

export interface EventStreamOptions {
  events: FleetEvents
  /** The id of the last event that the client has. */
  after: string | undefined
  wants(event: FleetEvent): boolean
  /** Ends the stream in good order. */
  closing: AbortSignal
  times?: StreamTimes
}

/**
 * Events as server-sent events (WHATWG HTML, section 9.2), read from the log as fast as the client reads. A client that
 * does not read, or that the log has overtaken, is told so in a comment and dropped: it comes back with the id of its last
 * event.
 */
export function openEventStream(options: EventStreamOptions): Readable {
  const { events, after, wants, closing, times = usualTimes } = options
  const reader = events.reader(after)
  const stream = new Readable({
    highWaterMark: bufferedBytes,
    read() {
      hasRoom = true
      pump()
    },
    destroy(error, done) {
      leave()
      done(error)
    },
  })
  let hasRoom = false
  let hasRead = false
  let isQuiet = true
  let isOver = false
  let stalledMs = 0

  function push(text: string): void {
    isQuiet = false
    hasRoom = stream.push(text)
    stalledMs = 0
  }

  function pump(): void {
    while (hasRoom && !isOver) {
      const next = reader.next()
      if (next === undefined) return
      const isFirst = !hasRead
      hasRead = true
      if (next !== 'lost') {
        if (wants(next.event)) push(frameOf(next.id, next.event))
      } else if (isFirst) push(lostFrame())
      else end('too slow: events that were not read yet are not kept any more')
    }
  }

  /** The client comes back by itself, as every client of such a stream does. */
  function end(reason: string): void {
    if (isOver) return
    leave()
    stream.push(`: ${reason}\n\n`)
    stream.push(null)
    setTimeout(() => stream.destroy(), times.graceMs).unref()
  }

  function leave(): void {
    isOver = true
    clearInterval(beat)
    unfollow()
    closing.removeEventListener('abort', onClosing)
  }

  function onBeat(): void {
    if (hasRoom) {
      if (isQuiet) push(': still here\n\n')
      isQuiet = true
      return
    }
    stalledMs += times.heartbeatMs
    if (stalledMs >= times.stalledMs) end('too slow: nothing was read for too long')
  }

  const onClosing = () => end('this weir is stopping; connect again')
  const beat = setInterval(onBeat, times.heartbeatMs).unref()
  const unfollow = events.follow(pump)
  closing.addEventListener('abort', onClosing)
  // The id alone is no event: by it the client can come back before its first one.
  push(`retry: 1000\n${after === undefined ? `id: ${events.newest()}\n` : ''}\n`)
  if (closing.aborted) onClosing()
  return stream
}

const frames = new WeakMap<FleetEvent, string>()

/** The same for all clients, so it is written once. */
function frameOf(id: string, event: FleetEvent): string {
  const known = frames.get(event)
  if (known !== undefined) return known
  const frame = `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
  frames.set(event, frame)
  return frame
}

function lostFrame(): string {
  const remedy = 'GET /v1/revisions/{revision}/delivery says how far each Envoy is'
  const event: FleetEvent = { type: 'lost', at: new Date().toISOString(), remedy }
  return `event: lost\ndata: ${JSON.stringify(event)}\n\n`
}
