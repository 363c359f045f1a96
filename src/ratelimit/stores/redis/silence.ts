import type { Redis } from 'ioredis'

/** Between looks, in milliseconds, */
const tick = 500
/** of which so many have to find nothing new to read. */
const ticks = 4

/**
 * Ends a connection over which was asked and nothing came for two seconds, so that the next attempt finds who took over.
 * It counts its looks and not the time: what came while this process was paused is read before the next one. (ioredis's
 * own `socketTimeout` ends a connection whose answer is already there.)
 */
export function endSilence(client: Redis): void {
  client.on('connect', () => {
    const { stream } = client
    let read = 0
    /** What was written when something was read last. */
    let answered = 0
    let silent = 0
    const timer = setInterval(() => {
      if (stream.bytesRead !== read) {
        read = stream.bytesRead
        answered = stream.bytesWritten
        silent = 0
      } else if (stream.bytesWritten > answered && ++silent >= ticks) {
        stream.destroy(new Error(`Connection is closed: it was silent for ${(tick * ticks) / 1_000} s.`))
      }
    }, tick)
    stream.once('close', () => clearInterval(timer))
  })
}
