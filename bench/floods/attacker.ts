/**
 * A part of `bench:floods`: does one attack on a service and comes back as soon as it is cut off, in a process of its own;
 * or holds idle connections, and prints `held` once there are all of them.
 */

import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { attacks } from '../../test/grpc-lane/attacks.ts'
import { preface, settings } from '../../test/grpc-lane/wire.ts'
import { method } from '../ratelimit/question.ts'

const { values } = parseArgs({
  options: { port: { type: 'string' }, attack: { type: 'string' }, idle: { type: 'string' } },
})
const port = Number(values.port)

function attack(name: string): void {
  const { begin, rule } = attacks[name]!
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined).once('connect', () => begin(socket, method))
  // Whoever does not read sees no end either.
  if (rule !== 'slow_reader') socket.resume()
  socket.once('close', () => attack(name))
}

function hold(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.concat([preface, settings()])))
    socket.once('error', reject)
    // The service's own settings and its word on ours.
    socket.once('data', () => resolve(socket)).resume()
  })
}

if (values.attack !== undefined) attack(values.attack)
const held: Socket[] = []
for (let left = Number(values.idle ?? 0); left > 0; left -= 100) {
  held.push(...(await Promise.all(Array.from({ length: Math.min(left, 100) }, hold))))
}
process.stdout.write(`held ${held.length}\n`)
