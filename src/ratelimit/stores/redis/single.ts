import { Redis, type RedisOptions } from 'ioredis'
import { clientOptions, reconnectAfter } from './client-options.ts'
import type { RedisLink } from './link.ts'
import { runScript } from './run-script.ts'
import { endSilence } from './silence.ts'

/** A link to one primary, at an address or wherever Sentinels say that it is. */
export function createSingleLink(options: RedisOptions): RedisLink & { close(): void; client: Redis } {
  const client = new Redis({ ...clientOptions, enableOfflineQueue: false, ...options })
  let again: NodeJS.Timeout | undefined
  let isClosed = false
  client.on('error', () => undefined)
  endSilence(client)
  // A failover that Sentinels tell of while the client is connecting ends it for good: ioredis takes it for an order.
  client.on('end', () => {
    if (isClosed) return
    again = setTimeout(() => void client.connect().catch(() => undefined), reconnectAfter(1))
  })
  return {
    run: (script, keys, args) => runScript(client, script, keys, args),
    primaries: () => [client],
    close() {
      isClosed = true
      clearTimeout(again)
      client.disconnect()
    },
    client,
  }
}
