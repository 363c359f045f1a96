import { Agent, type IncomingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { send } from './http.ts'

/** A request, in milliseconds since the epoch; `window` is the one of its decision, counted from the epoch. */
export interface Asked {
  readonly sentAt: number
  readonly answeredAt: number
  /** 0 where there was no answer. */
  readonly status: number
  readonly window: number
}

export interface SteadyLoad {
  readonly asked: readonly Asked[]
  /** Waits until all that was sent is answered. */
  stop(): Promise<void>
}

export interface SteadyLoadOptions {
  port: number
  windowMs: number
  clients: number
  /** Between an answer and the client's next request. */
  pauseMs: number
}

/** Clients that ask for the same again and again, each over a connection of its own. */
export function steadyLoad({ port, windowMs, clients, pauseMs }: SteadyLoadOptions): SteadyLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const asked: Asked[] = []
  let isOver = false

  async function one(): Promise<void> {
    const sentAt = Date.now()
    const answer = await send(port, { path: '/' }, agent).catch(() => undefined)
    const answeredAt = Date.now()
    const window = windowOf({ sentAt, answeredAt }, answer?.headers ?? {}, windowMs)
    asked.push({ sentAt, answeredAt, status: answer?.status ?? 0, window })
  }

  const done = Promise.all(
    Array.from({ length: clients }, async () => {
      while (!isOver) {
        await one()
        await delay(pauseMs)
      }
    }),
  )
  return {
    asked,
    async stop() {
      isOver = true
      await done
      agent.destroy()
    },
  }
}

/** Of a request across an edge, the answer says in how many seconds, rounded up, the window of its decision ends. */
function windowOf(
  { sentAt, answeredAt }: Pick<Asked, 'sentAt' | 'answeredAt'>,
  headers: IncomingHttpHeaders,
  windowMs: number,
): number {
  const first = Math.floor(sentAt / windowMs)
  if (first === Math.floor(answeredAt / windowMs)) return first
  const seconds = Number(/;t=(\d+)/.exec(String(headers.ratelimit))?.[1])
  return Math.round(((sentAt + answeredAt) / 2 + (seconds - 0.5) * 1_000) / windowMs) - 1
}
