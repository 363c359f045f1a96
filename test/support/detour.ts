import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'

export interface Passed {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** Passes a request on, or not; without an answer the connection is broken. */
export type OnTheWay = (request: IncomingMessage, pass: () => Promise<Passed>) => Promise<Passed | undefined>

/** A way to a server on which things happen: writes of others, lost answers. */
export async function startDetour(target: string, onTheWay: () => OnTheWay) {
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    const pass = () => passed(target, request, body)
    const answer = await onTheWay()(request, pass)
    if (answer === undefined) request.socket.destroy()
    else response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function passed(target: string, request: IncomingMessage, body: Buffer): Promise<Passed> {
  const { method = 'GET', url = '/', headers: given } = request
  const dropped = ['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding']
  const headers = Object.entries(given).filter(([name]) => !dropped.includes(name)) as [string, string][]
  const init = { method, headers, ...(body.length > 0 ? { body: new Uint8Array(body) } : {}) }
  const response = await fetch(new URL(url, target), init)
  const kept = [...response.headers].filter(([name]) => !dropped.includes(name))
  return {
    status: response.status,
    headers: Object.fromEntries(kept),
    body: Buffer.from(await response.arrayBuffer()),
  }
}
