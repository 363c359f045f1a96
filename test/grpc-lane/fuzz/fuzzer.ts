import assert from 'node:assert/strict'
import { Connection } from '../../../src/grpc-lane/connection.ts'
import { clientPreface } from '../../../src/grpc-lane/frames.ts'
import { LaneError, type Method } from '../../../src/grpc-lane/method.ts'
import { echo, type PlainLane, plainLane } from '../plain.ts'
import { call, Reading, settings } from '../wire.ts'
import { conversation } from './conversations.ts'
import { bytesOf, type Frame, frameType as types } from './frames.ts'
import { chunksOf, flooded, mutated, type Shares, torn } from './mutations.ts'
import { Random } from './random.ts'

export const fuzzedMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['/test.Lane/Echo', echo],
  ['/test.Lane/Later', (message) => Promise.resolve(Buffer.from(message))],
  ['/test.Lane/Never', () => new Promise(() => undefined)],
  [
    '/test.Lane/Refuse',
    (message) => {
      const refusal = new LaneError('ABORTED', 'at %will')
      if (message.length % 2 === 0) throw refusal
      return Promise.reject(refusal)
    },
  ],
])

/** A conversation of a valid client, and what it is answered. */
const valid = Buffer.concat([clientPreface, settings(), call(1, '/test.Lane/Echo', 'still here')])

/** Gentle ones let most frames of a connection be parsed; rough ones end it soon. */
const shares: readonly Shares[] = [
  { tame: 0.8, wild: 0.001, moved: 0.002 },
  { tame: 0.8, wild: 0.001, moved: 0.002 },
  { tame: 0.3, wild: 0.02, moved: 0.02 },
]
const slow = 16 * 1024 * 1024

/** Feeds connections with mutated conversations and checks what must hold after each, whatever was sent. */
export class Fuzzer {
  readonly lane: PlainLane = plainLane(fuzzedMethods)
  /** Changed frames that were parsed as frames: without those of connections that were torn. */
  mutatedFrames = 0
  readonly #conversations: readonly Frame[][]
  readonly #answer: Buffer

  constructor(recorded: readonly Frame[][]) {
    const made = Array.from({ length: 300 }, (_, seed) => {
      const random = new Random(seed)
      return conversation(random, 5 + random.below(120))
    })
    this.#conversations = [...made, ...recorded, ...recorded, ...recorded]
    this.#answer = this.#validAnswer()
    const words = new Reading().read(this.#answer)
    assert.ok(words.includes('HEADERS 1 grpc-status=0 END'), words.join('\n'))
  }

  /** One connection, and a valid call on another one after it. */
  async connection(seed: number): Promise<void> {
    const { lane } = this
    const random = new Random(seed)
    const frames = this.#framesFor(random)
    const whole = random.chance(0.05) ? torn(random, frames) : bytesOf(frames)
    const parsedBefore = lane.counts.frames
    const host = new FuzzHost(random)
    let now = random.below(1_000)
    const connection = new Connection(lane, host, now)
    for (const chunk of chunksOf(random, Buffer.concat([prefaceFor(random), whole]))) {
      connection.receive(chunk, now)
      now += random.chance(0.001) ? 11_000 : random.below(3)
      if (random.chance(0.02)) connection.tick(now)
      if (random.chance(0.002)) connection.drain()
    }
    await undefined
    if (host.asked) connection.answerSettled()
    if (random.chance(0.1)) connection.tick(now + random.of([300, 11_000, 40_000]))
    connection.abandon()
    this.mutatedFrames += mutatedAmong(frames, lane.counts.frames - parsedBefore)
    this.#check(host)
  }

  #framesFor(random: Random): Frame[] {
    const frames = random.of(this.#conversations)
    if (random.chance(0.005)) return flooded(random, frames)
    return mutated(random, frames, random.of(shares))
  }

  #check(host: FuzzHost): void {
    const { lane } = this
    assert.deepEqual(
      lane.events.filter(({ event }) => event !== 'lane_cut'),
      [],
      'nothing failed within',
    )
    lane.events.length = 0
    host.checkSent()
    assert.equal(lane.counts.streams, 0, 'streams are given back')
    assert.equal(lane.streams.used, 0, 'places of streams are given back')
    assert.equal(lane.held.used, 0, 'bytes of messages are given back')
    assert.equal(lane.backlogs.used, 0, 'bytes that waited are given back')
    assert.deepEqual(this.#validAnswer(), this.#answer, 'a valid call is answered')
  }

  #validAnswer(): Buffer {
    const host = new FuzzHost(new Random(0))
    const connection = new Connection(this.lane, host, 0)
    connection.receive(valid, 0)
    connection.abandon()
    return Buffer.concat(host.sent)
  }
}

class FuzzHost {
  readonly peer = 'fuzz'
  readonly sent: Buffer[] = []
  asked = false
  readonly #reads: boolean

  constructor(random: Random) {
    this.#reads = !random.chance(0.01)
  }

  send(bytes: Buffer): void {
    this.sent.push(bytes)
  }

  waiting(): number {
    return this.#reads ? 0 : slow
  }

  end(): void {}

  destroy(): void {}

  later(): void {
    this.asked = true
  }

  /** Whole frames of types that a server sends, of the lengths that they have (RFC 9113 section 6). */
  checkSent(): void {
    const bytes = Buffer.concat(this.sent)
    let at = 0
    while (at < bytes.length) {
      const [length, type, id] = [bytes.readUIntBE(at, 3), bytes[at + 3]!, bytes.readUInt32BE(at + 5)]
      const fits = lengths.get(type)
      assert.ok(fits?.(length), `frame ${type} of ${length} bytes`)
      assert.ok(id < 2 ** 31 && (id === 0 || id % 2 === 1), `frame ${type} of stream ${id}`)
      at += 9 + length
    }
    assert.equal(at, bytes.length, 'frames are whole')
  }
}

const largestFrame = 100_000
const lengths: ReadonlyMap<number, (length: number) => boolean> = new Map([
  [types.data, (length) => length <= largestFrame],
  [types.headers, (length) => length > 0 && length <= largestFrame],
  [types.rstStream, (length) => length === 4],
  [types.settings, (length) => length % 6 === 0],
  [types.ping, (length) => length === 8],
  [types.goaway, (length) => length >= 8],
  [types.windowUpdate, (length) => length === 4],
])

function prefaceFor(random: Random): Buffer {
  if (!random.chance(0.005)) return clientPreface
  const changed = Buffer.from(clientPreface)
  changed[random.below(changed.length)]! ^= 1
  return changed
}

/** Of the first so many that were parsed; behind a length that is wrong everything is another frame than it was. */
function mutatedAmong(frames: readonly Frame[], parsed: number): number {
  let count = 0
  let shifted = false
  for (const { mutated: changed, length } of frames.slice(0, parsed)) {
    if (shifted || changed === true) count++
    shifted ||= length !== undefined
  }
  return count
}
