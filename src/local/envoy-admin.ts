import { setTimeout as delay } from 'node:timers/promises'

/** Ten thousand clusters' statistics fit; what asks for less gets less. */
const mostBytes = 32 * 1024 * 1024

/** All that it holds takes longer and is more: ten thousand clusters with their endpoints are 60 MiB. */
const dump = { timeoutMs: 15_000, bytes: 256 * 1024 * 1024 }

/** Envoy's admin interface on 127.0.0.1; see Envoy's docs, "Administration interface". */
async function call(port: number, method: 'GET' | 'POST', path: string, timeoutMs: number): Promise<string> {
  const url = `http://127.0.0.1:${port}${path}`
  const signal = AbortSignal.timeout(Math.max(1, Math.min(1_000, timeoutMs)))
  return read(await fetch(url, { method, signal, headers: { connection: 'close' } }), path, mostBytes)
}

async function read(response: Response, path: string, atMost: number): Promise<string> {
  const text = await readText(response, path, atMost)
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return text
}

async function readText({ body }: Response, path: string, atMost: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > atMost) throw new Error(`${path} answered more than ${atMost} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** What Envoy's admin interface answers; throws where it does not answer 200 within a second. */
export function askAdmin(port: number, path: string): Promise<string> {
  return call(port, 'GET', path, 1_000)
}

/** Everything that an Envoy holds, endpoints included; nothing where it does not answer. */
export async function configDump(port: number): Promise<unknown> {
  const path = '/config_dump?include_eds'
  try {
    const signal = AbortSignal.timeout(dump.timeoutMs)
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      signal,
      headers: { connection: 'close' },
    })
    return JSON.parse(await read(response, path, dump.bytes)) as unknown
  } catch {
    return undefined
  }
}

/** Whether the Envoy that wrote its address to `addressFile` answers on this admin port. */
export async function isAdminOf(port: number, addressFile: string): Promise<boolean> {
  try {
    const info = JSON.parse(await call(port, 'GET', '/server_info', 1_000)) as {
      command_line_options?: { admin_address_path?: string }
    }
    return info.command_line_options?.admin_address_path === addressFile
  } catch {
    return false
  }
}

/**
 * An Envoy whose health check fails closes each connection with the next answer on it (`connection: close`, GOAWAY), and
 * its balancers see it. One that does not answer is none to wait for.
 */
export async function failHealth(port: number): Promise<void> {
  await call(port, 'POST', '/healthcheck/fail', 1_000).catch(() => {})
}

/**
 * Lets an Envoy finish what it is doing: fails its health checks, asks its clients to go elsewhere, waits until no
 * request is active, closes its listeners, and looks again. Takes at most `ms` milliseconds, and never throws: an
 * Envoy that does not answer is simply not waited for.
 */
export async function drainEnvoy(port: number, ms: number): Promise<void> {
  const deadline = performance.now() + ms
  const left = () => deadline - performance.now()
  try {
    await call(port, 'POST', '/healthcheck/fail', left())
    await call(port, 'POST', '/drain_listeners?graceful', left())
    await idle(port, left)
    // A graceful drain still accepts connections; from here on none comes any more.
    await call(port, 'POST', '/drain_listeners', left())
    await idle(port, left)
  } catch {
    // Gone, stuck, or out of time: the signals that follow end it.
  }
}

async function idle(port: number, left: () => number): Promise<void> {
  while (left() > 0 && (await activeRequests(port, left())) > 0) await delay(50)
}

/** Requests in flight on all HTTP listeners, the admin one excepted. */
async function activeRequests(port: number, timeoutMs: number): Promise<number> {
  const filter = '^http\\..*\\.downstream_rq_active$'
  const text = await call(port, 'GET', `/stats?filter=${encodeURIComponent(filter)}`, timeoutMs)
  let active = 0
  for (const line of text.split('\n')) {
    const [, prefix, value] = /^http\.(.+)\.downstream_rq_active: (\d+)$/.exec(line) ?? []
    if (prefix !== undefined && prefix !== 'admin') active += Number(value)
  }
  return active
}
