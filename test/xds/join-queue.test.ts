import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bounds } from '../../src/xds/bounds.ts'
import { JoinQueue } from '../../src/xds/join-queue.ts'
import { Pace } from '../../src/xds/pace.ts'

const half = bounds.joinBytes / 2

function queueOf(...keys: string[]): JoinQueue<string> {
  const queue = new JoinQueue<string>()
  for (const key of keys) queue.ready(key)
  return queue
}

test('who came first is served first, and again before those who came later', () => {
  const queue = queueOf('a', 'b', 'c')
  assert.equal(queue.next(0), 'a')
  assert.equal(queue.next(0), 'b')
  queue.ready('a')
  assert.equal(queue.next(0), 'a')
  assert.equal(queue.next(0), 'c')
  assert.equal(queue.next(0), undefined)
})

test('while enough is under way nobody is served, until it is answered', () => {
  const queue = queueOf('a', 'b', 'c')
  queue.sent(queue.next(0)!, half, 0)
  queue.sent(queue.next(0)!, half, 0)
  assert.equal(queue.next(0), undefined)
  queue.taken('a')
  assert.equal(queue.next(0), undefined)
  queue.answered('a')
  assert.equal(queue.next(0), 'c')
})

test('who takes nothing is waited for no longer than that, and who does not answer even less', () => {
  const queue = queueOf('a', 'b', 'c')
  queue.sent(queue.next(0)!, 2 * half, 1_000)
  assert.equal(queue.next(1_000), undefined)
  assert.equal(queue.wakesIn(1_010), bounds.joinTakeMs - 10)
  assert.equal(queue.next(1_000 + bounds.joinTakeMs), 'b')
  queue.sent('b', 2 * half, 3_000)
  queue.taken('b')
  assert.equal(queue.next(3_000), undefined)
  assert.equal(queue.wakesIn(3_010), bounds.joinAnswerMs - 10)
  assert.equal(queue.next(3_000 + bounds.joinAnswerMs), 'c')
  assert.equal(queue.wakesIn(3_000), undefined, 'nobody waits')
})

test('who has joined or gone holds up nobody, and comes last when it joins again', () => {
  const queue = queueOf('a', 'b', 'c')
  queue.sent(queue.next(0)!, 2 * half, 0)
  queue.leave('a')
  assert.equal(queue.next(0), 'b')
  queue.ready('a')
  assert.equal(queue.next(0), 'c')
  assert.equal(queue.next(0), 'a')
  assert.equal(queue.next(0), undefined)
})

test('one is served in each turn of the loop, and time alone lets the next one go', () => {
  const turns: (() => void)[] = []
  let now = 0
  let alarm: { at: number; callback: () => void } | undefined
  const clock = {
    now: () => now,
    timer(ms: number, callback: () => void) {
      alarm = { at: now + ms, callback }
      return () => {
        alarm = undefined
      }
    },
  }
  const pace = new Pace(clock, (work) => turns.push(work))
  const served: string[] = []
  const stream = (name: string, bytes: number) => ({
    serve() {
      served.push(name)
      return bytes
    },
  })
  const [a, b, c] = [stream('a', 0), stream('b', 2 * half), stream('c', 0)] as const
  for (const each of [a, b, c]) pace.ready(each)
  const turn = () => turns.shift()?.()
  turn()
  assert.deepEqual(served, ['a'])
  turn()
  assert.deepEqual(served, ['a', 'b'])
  turn()
  assert.deepEqual(served, ['a', 'b'], 'b has to take what it got')
  now = alarm!.at
  alarm!.callback()
  turn()
  assert.deepEqual(served, ['a', 'b', 'c'])
})
