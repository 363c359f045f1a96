/**
 * The quickstart's upstream, a program of its own so that it outlives weir as Envoy does: answers every request
 * with what it was sent. Usage: `node echo-server.ts HOST PORT`.
 */
import { createServer } from 'node:http'

const [host, port] = process.argv.slice(2)

const server = createServer((request, response) => {
  const { method, url, headers } = request
  request.resume()
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify({ service: 'echo', method, path: url, headers }, null, 2)}\n`)
})

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
