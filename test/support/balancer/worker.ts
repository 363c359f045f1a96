import { get } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { Member } from './balancer.ts'

/** How often each member is asked whether it wants connections, and how long it has for the answer. Milliseconds. */
const askedEvery = 100
const askedFor = 1_000

const members = workerData as Member[]
const ready = new Set<Member>()
/** By the client's port, which member its connection is with. */
const placed = new Map<number, Member>()
let turn = 0

function ask(member: Member): void {
  const settle = (isReady: boolean) => {
    if (isReady) ready.add(member)
    else ready.delete(member)
    setTimeout(() => ask(member), askedEvery)
  }
  const { host, port } = member.health
  const options = { host, port, path: '/ready', agent: false, timeout: askedFor } as const
  const request = get(options, (response) => {
    response.resume()
    response.once('close', () => settle(response.statusCode === 200))
  })
  request.once('timeout', () => request.destroy(new Error('no answer')))
  request.once('error', () => settle(false))
}

/** Round robin over those that are ready, then over the others. */
function candidates(): Member[] {
  const first = turn++
  const inTurn = members.map((_, index) => members[(first + index) % members.length]!)
  return [...inTurn.filter((member) => ready.has(member)), ...inTurn.filter((member) => !ready.has(member))]
}

function place(client: Socket, [member, ...others]: Member[]): void {
  if (member === undefined) {
    client.destroy()
    return
  }
  const server = connect({ ...member.address, allowHalfOpen: true, noDelay: true })
  const refused = () => place(client, others)
  server.once('error', refused)
  server.once('connect', () => {
    server.off('error', refused)
    const port = client.remotePort!
    placed.set(port, member)
    client.once('close', () => placed.delete(port))
    join(client, server)
    join(server, client)
  })
}

function join(from: Socket, to: Socket): void {
  from.once('error', () => to.destroy())
  // What came is passed on to its end; a reset is a reset on the other side, too.
  from.once('close', (failed) => (failed ? to.resetAndDestroy() : to.destroySoon()))
  from.pipe(to)
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  client.on('error', () => {})
  place(client, candidates())
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  parentPort!.postMessage({ port: (server.address() as AddressInfo).port })
})
for (const member of members) ask(member)

parentPort!.on('message', ({ id, clientPort }: { id: number; clientPort?: number }) => {
  const answer =
    clientPort === undefined
      ? members.filter((member) => ready.has(member)).map(({ name }) => name)
      : placed.get(clientPort)?.name
  parentPort!.postMessage({ id, answer })
})
