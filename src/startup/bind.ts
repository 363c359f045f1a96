import { createServer } from 'node:net'
import { messageOf, startupError } from '../errors.ts'
import { formatHostPort, type HostPort } from '../settings/address.ts'
import type { StartContext } from './start-context.ts'

/** How long a server waits at a stop for what is under way. */
const graceMs = 2_000

interface Listener {
  listen(address: string): Promise<{ port: number }>
  close(graceMs: number): Promise<void>
}

/**
 * Binds a server, ends it at shutdown and answers with its port. A port in use or an address that is not ours
 * becomes one clear line that names the setting. `how` is said where a server is there in several makes.
 */
export function bind(
  start: StartContext,
  what: { title: string; setting: string; address: HostPort; how?: string },
  server: Listener,
): Promise<number> {
  const address = formatHostPort(what.address)
  return start.progress.step(what.title, async () => {
    try {
      const { port } = await server.listen(address)
      start.shutdown.add(what.title, () => server.close(graceMs))
      const bound = formatHostPort({ host: what.address.host, port })
      return { result: port, detail: what.how === undefined ? bound : `${bound} over ${what.how}` }
    } catch (error) {
      throw bindError(what.setting, address, error)
    }
  })
}

function bindError(setting: string, address: string, error: unknown): Error {
  const text = textOf(error)
  if (/EADDRINUSE|address already in use/i.test(text)) {
    return startupError(
      `${address} (${setting}) is in use by another program.`,
      `End that program, or set ${setting} to another host:port.`,
      error,
    )
  }
  if (/EACCES|EPERM/.test(text)) {
    return startupError(
      `${address} (${setting}) may not be bound.`,
      `Set ${setting} to a port above 1023.`,
      error,
    )
  }
  return startupError(
    `${address} (${setting}) cannot be bound: ${messageOf(error)}.`,
    `Correct ${setting}.`,
    error,
  )
}

/** The messages and codes of an error and its causes. */
function textOf(error: unknown): string {
  const texts: string[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    texts.push((cause as NodeJS.ErrnoException).code ?? '', messageOf(cause))
  }
  return texts.join(' ')
}

/** Whether nobody listens on the port. Envoy itself would share it with a stranger (SO_REUSEPORT) or be refused. */
export function isPortFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
