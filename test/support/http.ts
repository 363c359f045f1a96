import { type Agent, type IncomingHttpHeaders, request } from 'node:http'

export interface Sent {
  path: string
  method?: string
  /** `host`, too, which `fetch` would not let through. As a list names and values line by line, `host` among them. */
  headers?: Record<string, string | string[]> | string[]
  body?: Buffer
  /** Address of this machine that it is sent from, such as 127.0.0.2. */
  from?: string
}

export interface Received {
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** The name of the test's upstream that answered, if one did. */
  upstream: string | undefined
}

/** One request to a port of this machine, over a connection of its own unless an agent keeps some. */
export function send(port: number, sent: Sent, agent: Agent | false = false): Promise<Received> {
  const { path, method = 'GET', headers = {}, body, from: localAddress } = sent
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers, agent, localAddress }
    const outgoing = request(options, (response) => {
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
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}
