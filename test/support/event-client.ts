import assert from 'node:assert/strict'
import type { FleetEvent } from '../../src/model/fleet-event.ts'

/** One block of a stream of server-sent events, field by field; comments under `''`. */
type Block = Record<string, string>

export interface EventClient {
  headers: Headers
  /** All that came so far. */
  events: FleetEvent[]
  comments: string[]
  lastId(): string
  /** Resolves with the first event that came, or comes, and is wanted. */
  event(wanted: (event: FleetEvent) => boolean): Promise<FleetEvent>
  /** Resolves when the stream has ended in good order. */
  ended: Promise<void>
  close(): void
}

/** Reads `GET /v1/events` as WHATWG HTML, section 9.2, says it is to be read. */
export async function readEvents(
  { url, token }: { url: string; token: string },
  query = '',
  lastEventId?: string,
): Promise<EventClient> {
  const controller = new AbortController()
  const response = await fetch(`${url}/v1/events${query}`, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: controller.signal,
  })
  assert.equal(response.status, 200)
  const events: FleetEvent[] = []
  const comments: string[] = []
  const waiting = new Set<() => void>()
  let id = lastEventId ?? ''

  function take(block: Block): void {
    if (block.id !== undefined) id = block.id
    if (block[''] !== undefined) comments.push(block[''])
    if (block.data === undefined) return
    const event = JSON.parse(block.data) as FleetEvent
    assert.equal(event.type, block.event)
    events.push(event)
    for (const look of waiting) look()
  }

  async function read(): Promise<void> {
    let rest = ''
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop()!
      for (const block of blocks) take(fieldsOf(block))
    }
    assert.equal(rest, '')
  }

  const ended = read().catch((error) => {
    if (!controller.signal.aborted) throw error
  })
  ended.catch(() => undefined)
  return {
    headers: response.headers,
    ...{ events, comments, ended },
    lastId: () => id,
    event: (wanted) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          reject(new Error(`no such event in 30 s; there were ${JSON.stringify(events)}`))
        }, 30_000)
        const look = () => {
          const found = events.find(wanted)
          if (found === undefined) return
          clearTimeout(late)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    close: () => controller.abort(),
  }
}

function fieldsOf(block: string): Block {
  return Object.fromEntries(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    }),
  )
}
