import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLostNotices } from '../../src/feed/lost-notices.ts'

test('what was told and not heard is found by its number, once, and a read that fails finds nothing', async () => {
  const numbers = new Map([['one', 3]])
  let failure: Error | undefined
  const hinted: string[] = []
  const lost = createLostNotices(
    async () => {
      if (failure !== undefined) throw failure
      return new Map(numbers)
    },
    { one: () => hinted.push('one'), two: () => hinted.push('two') },
  )
  await lost.look()
  assert.deepEqual(hinted, [])
  numbers.set('one', 4).set('two', 1).set('of a newer version', 1)
  await lost.look()
  assert.deepEqual(hinted, ['one', 'two'])
  failure = new Error('away')
  numbers.set('two', 2)
  await lost.look()
  failure = undefined
  await lost.look()
  await lost.look()
  assert.deepEqual(hinted, ['one', 'two', 'two'])
})
