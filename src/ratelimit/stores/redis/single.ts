import { Redis, type RedisOptions } from 'ioredis'
import { clientOptions } from './client-options.ts'
import type { RedisLink } from './link.ts'
import { runScript } from './run-script.ts'
import { endSilence } from './silence.ts'

/** A link to one primary, at an address or wherever Sentinels say that it is. */
export function createSingleLink(options: RedisOptions): RedisLink & { close(): void; client: Redis } {
  const client = new Redis({ ...clientOptions, enableOfflineQueue: false, ...options })
  client.on('error', () => undefined)
  endSilence(client)
  return {
    run: (script, keys, args) => runScript(client, script, keys, args),
    close: () => client.disconnect(),
    client,
  }
}
