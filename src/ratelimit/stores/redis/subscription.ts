import type { Redis } from 'ioredis'
import { messageOf } from '../../../errors.ts'
import { reconnectAfter } from './client-options.ts'
import { endSilence } from './silence.ts'

export interface Subscription {
  /** What is in the way of hearing; nothing where it is heard. */
  trouble(): string | undefined
  close(): void
}

/** So often a connection on which nobody says anything is asked whether it is there, in milliseconds. */
const askMs = 1_000

/**
 * Hears what is published on a channel, on a connection of its own. It connects again whenever that is gone; what was said
 * meanwhile is lost, which `onHeard` says, and at the start.
 */
export function subscribe(options: {
  /** A new connection that tries once; nothing where none can be tried now. */
  connect(): Redis | undefined
  channel: string
  onMessage(text: string): void
  onHeard(): void
}): Subscription {
  const { connect, channel, onMessage, onHeard } = options
  let trouble: string | undefined = 'it is not connected yet'
  let client: Redis | undefined
  let timer: NodeJS.Timeout | undefined
  let attempts = 0
  let isClosed = false

  function again(): void {
    client = undefined
    if (isClosed) return
    attempts++
    timer = setTimeout(open, reconnectAfter(attempts))
  }

  function open(): void {
    const opened = connect()
    client = opened
    if (opened === undefined) {
      again()
      return
    }
    const failed = (error: unknown) => {
      trouble = messageOf(error)
    }
    opened.on('error', failed)
    endSilence(opened)
    const asking = setInterval(() => void opened.ping().catch(() => undefined), askMs)
    opened.on('message', (_channel: string, text: string) => onMessage(text))
    opened.once('ready', () => {
      opened.subscribe(channel).then(
        () => {
          trouble = undefined
          attempts = 0
          onHeard()
        },
        (error) => {
          failed(error)
          opened.disconnect()
        },
      )
    })
    opened.once('end', () => {
      clearInterval(asking)
      trouble ??= 'the connection is closed'
      again()
    })
  }

  open()
  return {
    trouble: () => trouble,
    close() {
      isClosed = true
      clearTimeout(timer)
      client?.disconnect()
    },
  }
}
