import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './ports.ts'
import { until } from './until.ts'
import { startValkey, type Valkey } from './valkey.ts'

const slots = 16_384

export interface ClusterNode extends Valkey {
  id: string
  /** For commands to this node alone. */
  client: Redis
}

export interface ValkeyCluster {
  /** Those that have slots at first. */
  primaries: readonly ClusterNode[]
  /** Each of the primary with its index. */
  replicas: readonly ClusterNode[]
  url: string
  stop(): Promise<void>
}

/** A cluster of `count` primaries of this machine, and replicas of the first of them. */
export async function startValkeyCluster(count = 3, replicaCount = 0): Promise<ValkeyCluster> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-cluster-'))
  const nodes: ClusterNode[] = []
  for (let index = 0; index < count + replicaCount; index++) nodes.push(await startNode(dir, index))
  const primaries = nodes.slice(0, count)
  const replicas = nodes.slice(count)
  for (const [index, { client }] of nodes.entries())
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
  for (const [index, { client }] of primaries.entries()) {
    const from = Math.floor((index * slots) / count)
    const to = Math.floor(((index + 1) * slots) / count) - 1
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
  }
  for (const { port, busPort } of nodes.slice(1) as Started[])
    await nodes[0]!.client.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort)
  await until('the nodes know each other', () =>
    all(nodes, (info) => info.get('cluster_known_nodes') === String(nodes.length)),
  )
  for (const [index, { client }] of replicas.entries())
    await client.call('CLUSTER', 'REPLICATE', primaries[index]!.id)
  await until('the cluster is up', () => all(nodes, (info) => info.get('cluster_state') === 'ok'))
  for (const { client } of replicas)
    await until('the replica follows', async () =>
      /master_link_status:up/.test(await client.info('replication')),
    )
  return {
    primaries,
    replicas,
    url: `redis+cluster://${primaries.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    async stop() {
      for (const { client } of nodes) client.disconnect()
      await Promise.all(nodes.map((node) => node.stop()))
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Moves a slot with all of its keys; `between` is done while it is on its way. */
export async function moveSlot(
  slot: number,
  from: ClusterNode,
  to: ClusterNode,
  all: readonly ClusterNode[],
  between: () => Promise<void> = async () => undefined,
): Promise<number> {
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
  await between()
  let moved = 0
  for (;;) {
    const keys = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
    if (keys.length === 0) break
    await from.client.call('MIGRATE', '127.0.0.1', to.port, '', 0, 1_000, 'KEYS', ...keys)
    moved += keys.length
  }
  for (const { client } of [to, from, ...all.filter((each) => each !== to && each !== from)])
    await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
  return moved
}

/** The node that has a slot, as the first of them sees it. */
export async function ownerOf(slot: number, nodes: readonly ClusterNode[]): Promise<ClusterNode> {
  const ranges = (await nodes[0]!.client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
  const range = ranges.find(([from, to]) => from <= slot && slot <= to)!
  return nodes.find(({ port }) => port === range[2][1])!
}

interface Started extends ClusterNode {
  busPort: number
}

async function startNode(dir: string, index: number): Promise<Started> {
  const busPort = await freePort()
  const valkey = await startValkey([
    ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--dir', dir],
    ...['--cluster-config-file', `nodes-${index}.conf`, '--cluster-node-timeout', '2000'],
    ...['--repl-diskless-sync-delay', '0', '--cluster-allow-replica-migration', 'no'],
  ])
  const client = new Redis({ host: '127.0.0.1', port: valkey.port })
  client.on('error', () => undefined)
  const id = (await client.call('CLUSTER', 'MYID')) as string
  return { ...valkey, busPort, id, client }
}

async function all(
  nodes: readonly ClusterNode[],
  isSo: (info: ReadonlyMap<string, string>) => boolean,
): Promise<boolean> {
  for (const { client } of nodes) {
    const text = (await client.call('CLUSTER', 'INFO')) as string
    const info = new Map(text.split('\r\n').map((line) => line.split(':', 2) as [string, string]))
    if (!isSo(info)) return false
  }
  return true
}
