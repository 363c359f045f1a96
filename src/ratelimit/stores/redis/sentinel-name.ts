import { Redis } from 'ioredis'
import { clientOptions, sentinelTimeout } from './client-options.ts'
import type { RedisTarget } from './url.ts'

/** What a client says of a Sentinel that does not know the name; others may. */
export function saysNoSuchName(error: unknown): boolean {
  return error instanceof Error && /No such master/i.test(error.message)
}

/** Whether none of the Sentinels that answer knows the primary by its name. Asks all, and waits a bounded time. */
export async function isNameUnknown(
  { hosts, primary, sentinelUsername, sentinelPassword }: RedisTarget,
  tls: object | undefined,
): Promise<boolean> {
  const asked = hosts.map(async (address) => {
    const client = new Redis({
      ...clientOptions,
      ...address,
      ...(sentinelUsername && { username: sentinelUsername }),
      ...(sentinelPassword && { password: sentinelPassword }),
      ...(tls && { tls }),
      retryStrategy: () => null,
      enableReadyCheck: false,
      commandTimeout: sentinelTimeout,
    })
    client.on('error', () => undefined)
    try {
      return (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primary!)) === null
    } finally {
      client.disconnect()
    }
  })
  const answers = await Promise.allSettled(asked)
  const isSaid = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  return isSaid.length > 0 && isSaid.every((isUnknown) => isUnknown)
}
