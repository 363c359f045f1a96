import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** How a service may be ill; `ended` has nobody listen at its port. */
export const illnesses = ['ended', 'slow', 'failing', 'resetting', 'hanging'] as const
export type Illness = (typeof illnesses)[number]

export interface FaultyUpstream {
  readonly port: number
  /** What a request, or a connection, met since it fell ill last. */
  readonly met: ReadonlySet<Illness>
  fall(illness: Illness): Promise<void>
  recover(): Promise<void>
  close(): Promise<void>
}

const slowMs = 200

/** A service that is well, until it is told not to be. */
export async function startFaultyUpstream(): Promise<FaultyUpstream> {
  const met = new Set<Illness>()
  let illness: Illness | undefined
  const server: Server = createServer(async (request, response) => {
    request.resume()
    if (illness !== undefined) met.add(illness)
    if (illness === 'hanging') return
    if (illness === 'resetting') return void request.socket.destroy()
    if (illness === 'slow') await delay(slowMs)
    response.writeHead(illness === 'failing' ? 503 : 200).end('ok')
  })
  server.keepAliveTimeout = 120_000
  const listen = (port: number) => once(server.listen(port, '127.0.0.1'), 'listening')
  const end = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    port,
    met,
    async fall(next) {
      met.clear()
      illness = next
      if (next !== 'ended') return
      // Each connection that it had meets it.
      met.add(next)
      await end()
    },
    async recover() {
      const former = illness
      illness = undefined
      if (former === 'ended') await listen(port)
      // What still waits for an answer gets none, and its connection is of no use any more.
      else server.closeAllConnections()
    },
    close: async () => void (server.listening && (await end())),
  }
}
