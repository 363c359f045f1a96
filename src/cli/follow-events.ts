import { setTimeout as pause } from 'node:timers/promises'
import type { FleetEvent } from '../model/fleet-event.ts'
import type { Cli } from './cli.ts'
import { refusalOf, unreachable } from './client.ts'
import type { Connection } from './connection.ts'
import { eventParser } from './event-stream.ts'

/** Between two tries to come back. */
const againMs = 1_000

export interface Following {
  connection: Connection
  cli: Cli
  /** What is asked for, as in `types=acked`. */
  query?: URLSearchParams
  /** Reads on after the event of that id. */
  after?: string
  signal: AbortSignal
  onEvent(event: FleetEvent): void
  /** The stream broke, and is asked for again. */
  onBroken?(reason: string): void
}

/**
 * Hands on the events of `GET /v1/events` until the signal fires, and comes back where the stream breaks. Throws `Refused`
 * where the first request is refused, or a later one for another reason than that nobody is there.
 */
export async function followEvents(following: Following): Promise<void> {
  const { connection, signal, onBroken = () => undefined } = following
  let { after } = following
  let wasOpen = false
  while (!signal.aborted) {
    try {
      const response = await open(following, after)
      if (response.status >= 400)
        throw refusalOf(connection, { status: response.status, text: await response.text() })
      wasOpen = true
      for await (const id of read(response, following)) after = id || after
      onBroken('the stream ended')
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof TypeError)) throw error
      if (!wasOpen) throw unreachable(connection.url, error)
      onBroken('the connection was lost')
    }
    await pause(againMs, undefined, { signal }).catch(() => undefined)
  }
}

function open({ connection, query, signal }: Following, after: string | undefined): Promise<Response> {
  const { url, token } = connection
  const path = query === undefined || query.size === 0 ? '/v1/events' : `/v1/events?${query}`
  const headers = {
    accept: 'text/event-stream',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(after === undefined ? {} : { 'last-event-id': after }),
  }
  return fetch(new URL(path, url), { headers, signal, redirect: 'error' })
}

/** Yields the id of the last event after each piece. */
async function* read(response: Response, { onEvent }: Following): AsyncGenerator<string> {
  const parser = eventParser()
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    for (const { data } of parser.take(text)) onEvent(JSON.parse(data) as FleetEvent)
    yield parser.lastId()
  }
}
