import { setTimeout as pause } from 'node:timers/promises'
import type { WriteAnswer } from '../admin/write.ts'
import type { Receipt } from '../model/receipt.ts'
import type { Cli } from './cli.ts'
import type { Client } from './client.ts'
import type { Connection } from './connection.ts'
import { frameOf, redrawn, reportLine } from './delivery-frame.ts'
import { type DeliveryView, seen, viewOf } from './delivery-view.ts'
import { followEvents } from './follow-events.ts'
import { style } from './output.ts'

/** A fleet that is faster needs no drawing. */
const patienceMs = 500
const frameMs = 100
/** Between lines where there is no terminal. */
const reportMs = 1_000
const maxRows = 20

/**
 * Draws on standard error how far a write is: at a terminal a table that changes in place, else a line where something
 * changed, once a second at most. What goes wrong with the drawing is no matter of the write. `end` answers with what
 * takes the drawing away.
 */
export function drawDelivery(client: Client, connection: Connection, answer: WriteAnswer, cli: Cli) {
  const { revision } = answer
  const { stderr } = cli
  const controller = new AbortController()
  const signal = AbortSignal.any([controller.signal, cli.signal])
  const startedAt = performance.now()
  let view: DeliveryView | undefined
  let drawn: string[] = []
  let reported = ''

  function draw(): void {
    if (view === undefined) return
    const next = frameOf(view, {
      columns: stderr.columns || 80,
      rows: Math.min(maxRows, (stderr.rows || 24) - 1),
      seconds: (performance.now() - startedAt) / 1_000,
      paint: (colour, text) => style(stderr, colour, text),
    })
    stderr.write(redrawn(drawn, next))
    drawn = next
  }

  function report(): void {
    const line = view === undefined ? '' : reportLine(view)
    if (line !== reported) stderr.write(`weir: ${line}\n`)
    reported = line
  }

  async function follow(): Promise<void> {
    await pause(patienceMs, undefined, { signal })
    const { text, headers } = await client({ method: 'GET', path: `/v1/revisions/${revision}/delivery` })
    view = viewOf(revision, JSON.parse(text) as Receipt)
    const show = stderr.isTTY ? draw : report
    if (!signal.aborted) show()
    const timer = setInterval(show, stderr.isTTY ? frameMs : reportMs)
    const after = headers.get('weir-event-id')
    try {
      await followEvents({
        ...{ connection, cli, signal },
        ...(after === null ? {} : { after }),
        onEvent(event) {
          view = seen(view!, event)
        },
      })
    } finally {
      clearInterval(timer)
    }
  }

  void follow().catch(() => undefined)
  return {
    end(): string {
      controller.abort()
      view = undefined
      const text = redrawn(drawn, [])
      drawn = []
      return text
    },
  }
}
