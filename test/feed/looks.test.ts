import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLooks } from '../../src/feed/looks.ts'
import { createSettling } from '../../src/feed/settling.ts'

/** Looks that end as the test says. */
function setUp() {
  const begun: { resolve(): void; reject(error: Error): void }[] = []
  const looks = createLooks(() => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    begun.push({ resolve, reject })
    return promise
  })
  return { ...looks, begun }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('at most one look is under way and one pending, which begins after who asked for it', async () => {
  const { look, ended, begun } = setUp()
  const first = look()
  const others = [look(), look(), look()]
  assert.equal(begun.length, 1)
  begun[0]!.resolve()
  await first
  await turn()
  assert.equal(begun.length, 2)
  let isEnded = false
  const end = ended().then(() => {
    isEnded = true
  })
  await turn()
  assert.equal(isEnded, false)
  begun[1]!.resolve()
  await Promise.all([...others, end])
  assert.equal(begun.length, 2)
})

test('a look that fails is told to who asked for it, and the pending one is made all the same', async () => {
  const { look, ended, begun } = setUp()
  const [failing, next] = [look(), look()]
  begun[0]!.reject(new Error('away'))
  await assert.rejects(failing, /away/)
  await turn()
  begun[1]!.resolve()
  await next
  const last = look()
  begun[2]!.reject(new Error('away'))
  await ended()
  await assert.rejects(last, /away/)
})

test('who waits for a condition goes on when it holds, or when the signal fires', async () => {
  const { changed, until } = createSettling()
  let number = 0
  const never = new AbortController()
  const two = until(() => number >= 2, never.signal)
  const three = until(() => number >= 3, never.signal)
  number = 1
  changed()
  number = 2
  changed()
  await two
  let isOver = false
  void three.then(() => {
    isOver = true
  })
  await turn()
  assert.equal(isOver, false)
  never.abort()
  await three
})
