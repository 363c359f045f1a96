import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { createLane } from '../../src/grpc-lane/lane.ts'
import { issue } from '../support/certificate.ts'
import { conversation } from './fuzz/conversations.ts'
import { bytesOf } from './fuzz/frames.ts'
import { fuzzedMethods } from './fuzz/fuzzer.ts'
import { chunksOf, mutated, torn } from './fuzz/mutations.ts'
import { Random } from './fuzz/random.ts'
import { call, preface, Reading, settings } from './wire.ts'

const long = process.env.WEIR_LONG === '1'
const seed = Number(process.env.WEIR_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const connections = long ? 2_000 : 40
const shares = { tame: 0.3, wild: 0.01, moved: 0.01 }
const { certificate: cert, privateKey: key } = issue({ commonName: 'lane', names: ['lane.example'] })

for (const tls of [undefined, { cert, key }]) {
  describe(`sockets that are fed with mutated conversations, ${tls === undefined ? 'plain' : 'over TLS'}`, () => {
    const failures: unknown[] = []
    const lane = createLane({
      methods: fuzzedMethods,
      ...(tls && { tls }),
      bounds: { lingerMs: 10 },
      observe: (event) => {
        if (event.event === 'failed') failures.push(event.error)
      },
    })
    let port: number

    before(async () => {
      port = (await lane.listen('127.0.0.1:0')).port
    })
    after(() => lane.close(0))

    async function open(): Promise<Socket> {
      if (tls === undefined) {
        const socket = connect(port, '127.0.0.1')
        await once(socket, 'connect')
        return socket
      }
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        ca: cert,
        servername: 'lane.example',
        ALPNProtocols: ['h2'],
      })
      await once(socket, 'secureConnect')
      return socket
    }

    /** Sends all of it, and waits until the connection is gone. */
    async function fuzz(random: Random): Promise<void> {
      const frames = mutated(random, conversation(random, 5 + random.below(60)), shares)
      const bytes = random.chance(0.1) ? torn(random, frames) : bytesOf(frames)
      const socket = await open()
      socket.on('error', () => undefined).resume()
      const gone = new Promise((resolve) => socket.once('close', resolve))
      for (const chunk of chunksOf(random, Buffer.concat([preface, bytes]))) {
        if (socket.destroyed) break
        socket.write(chunk)
        if (random.chance(0.05)) await new Promise((resolve) => setImmediate(resolve))
      }
      if (random.chance(0.3)) socket.destroy()
      else socket.end()
      await gone
    }

    async function validCall(): Promise<string[]> {
      const socket = await open()
      const reading = new Reading()
      const words: string[] = []
      const answered = new Promise<void>((resolve, reject) => {
        socket.on('data', (bytes: Buffer) => {
          words.push(...reading.read(bytes))
          if (words.includes('HEADERS 1 grpc-status=0 END')) resolve()
        })
        socket.on('close', () => reject(new Error(`it was closed after ${words.join(', ')}`)))
      })
      socket.write(Buffer.concat([preface, settings(), call(1, '/test.Lane/Echo', 'still here')]))
      await answered
      const gone = once(socket, 'close')
      socket.destroy()
      await gone
      return words
    }

    test('are cut off or answered, and a valid call is answered after each', async () => {
      for (let index = 0; index < connections; index++) {
        const ofThis = (seed + index) % 2 ** 32
        await fuzz(new Random(ofThis))
        const words = await validCall()
        assert.ok(
          words.includes(`DATA 1 00${'0000000a'}${Buffer.from('still here').toString('hex')}`),
          `WEIR_FUZZ_SEED=${ofThis}: ${words.join(', ')}`,
        )
        assert.deepEqual(failures, [], `WEIR_FUZZ_SEED=${ofThis}`)
      }
      assert.ok(lane.counts.accepted >= connections)
    })
  })
}
