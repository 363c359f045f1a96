import { type IncomingHttpHeaders, request } from 'node:http'

export interface Sent {
  path: string
  method?: string
  /** `host`, too, which `fetch` would not let through. */
  headers?: Record<string, string>
  body?: Buffer
}

export interface Received {
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** The name of the test's upstream that answered, if one did. */
  upstream: string | undefined
}

/** One request over a connection of its own to a port of this machine. */
export function send(port: number, { path, method = 'GET', headers = {}, body }: Sent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
          upstream: response.headers['x-upstream'] as string | undefined,
        }),
      )
    })
    sent.once('error', reject)
    sent.end(body)
  })
}
