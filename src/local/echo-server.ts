/**
 * The quickstart's upstream, a program of its own so that it outlives weir as Envoy does: answers every request
 * with what it was sent, after `?delay=` milliseconds where a request asks for that. Usage: `node echo-server.ts HOST PORT`.
 */
import { createServer } from 'node:http'

const longestDelayMs = 10_000

const [host, port] = process.argv.slice(2)

const server = createServer((request, response) => {
  const { method, url, headers } = request
  request.resume()
  response.setHeader('content-type', 'application/json')
  const answer = `${JSON.stringify({ service: 'echo', method, path: url, headers }, null, 2)}\n`
  const delayMs = delayOf(url)
  if (delayMs === 0) response.end(answer)
  else setTimeout(() => response.end(answer), delayMs)
})

/** To have a request under way for so long; every other text is no delay. */
function delayOf(url = '/'): number {
  const asked = Number(/[?&]delay=(\d{1,5})(?:&|$)/.exec(url)?.[1] ?? 0)
  return Math.min(asked, longestDelayMs)
}

server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})
server.keepAliveTimeout = 60_000
server.listen(Number(port), host)
process.on('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
})
