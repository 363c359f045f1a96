import { Redis, type RedisOptions } from 'ioredis'
import type { RedisLink } from './link.ts'
import type { Script } from './scripts.ts'

/** A link to one primary. */
export function createSingleLink(options: RedisOptions): RedisLink & { close(): void; client: Redis } {
  const client = new Redis({ ...options, enableOfflineQueue: false, maxRetriesPerRequest: 0 })
  client.on('error', () => undefined)
  async function run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Buffer[]> {
    try {
      return (await client.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...args)) as Buffer[]
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return (await client.callBuffer('EVAL', script.text, keys.length, ...keys, ...args)) as Buffer[]
    }
  }
  return { run, close: () => client.disconnect(), client }
}
