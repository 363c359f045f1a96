import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { Client, credentials } from '@grpc/grpc-js'
import { attacks } from './attacks.ts'
import { serveLane } from './serve.ts'

const path = '/test.Lane/Echo'
const same = (bytes: Buffer) => bytes

describe('a peer that floods its connection', () => {
  for (const [name, { rule, begin }] of Object.entries(attacks)) {
    test(`${name}: it is cut off by the rule ${rule}, and others are answered meanwhile and after`, async (t) => {
      const { port, lane, events } = await serveLane(t, { bounds: { prefaceMs: 500 } })
      const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
      t.after(() => client.close())
      const ask = (text: string) =>
        new Promise<string>((resolve, reject) => {
          client.makeUnaryRequest(path, same, same, Buffer.from(text), (error, answer) =>
            error === null ? resolve(String(answer)) : reject(error),
          )
        })
      assert.equal(await ask('before'), 'before')

      const socket = connect(port, '127.0.0.1').on('error', () => undefined)
      t.after(() => socket.destroy())
      let cut = false
      const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.once('connect', () => begin(socket, path))
      if (rule !== 'slow_reader') socket.resume()
      while (!cut) {
        assert.equal(await ask('meanwhile'), 'meanwhile')
        cut = events.length > 0
      }
      socket.destroy()
      await gone
      assert.deepEqual(
        events.map((event) => event.event === 'lane_cut' && event.rule),
        [rule],
      )
      assert.equal(await ask('after'), 'after')
      assert.deepEqual(lane.counts.rules, { [rule]: 1 })
    })
  }
})
