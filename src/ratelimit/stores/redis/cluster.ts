import { Cluster, type ClusterOptions, type RedisOptions } from 'ioredis'
import { clientOptions, reconnectAfter } from './client-options.ts'
import type { RedisLink } from './link.ts'
import { runScript } from './run-script.ts'
import { endSilence } from './silence.ts'
import type { HostPort } from './url.ts'

/**
 * A link to a cluster: every call goes to the node that has its slot, and follows a slot that moves. A call is sent again
 * only where a node refused it unread (MOVED, ASK, TRYAGAIN); one that is cut off or that finds the cluster down fails.
 */
export function createClusterLink(
  hosts: readonly HostPort[],
  redisOptions: Omit<RedisOptions, keyof HostPort> = {},
  more: ClusterOptions = {},
): RedisLink & { close(): void; client: Cluster } {
  const { retryStrategy: _, ...each } = clientOptions
  const client = new Cluster([...hosts], {
    redisOptions: { ...each, ...redisOptions },
    clusterRetryStrategy: reconnectAfter,
    // Names stay names, for the certificates of nodes.
    dnsLookup: (address, callback) => callback(null, address),
    slotsRefreshInterval: 2_000,
    slotsRefreshTimeout: 1_000,
    maxRedirections: 8,
    retryDelayOnTryAgain: 2,
    retryDelayOnClusterDown: 0,
    retryDelayOnFailover: 0,
    ...more,
  })
  client.on('error', () => undefined)
  client.on('node error', () => undefined)
  client.on('+node', (node) => {
    endSilence(node)
    // Before a call needs it.
    void node.connect().catch(() => undefined)
  })
  return {
    isCluster: true,
    async run(script, keys, args) {
      // What would wait for the cluster would be decided long after its request was.
      if (client.status !== 'ready') throw new Error('Connection is closed: the cluster is not known.')
      return runScript(client, script, keys, args)
    },
    together(calls) {
      const streams = client.nodes('master').flatMap(({ stream }) => stream ?? [])
      for (const stream of streams) stream.cork()
      try {
        calls()
      } finally {
        for (const stream of streams) stream.uncork()
      }
    },
    primaries: () => client.nodes('master'),
    close: () => client.disconnect(),
    client,
  }
}
