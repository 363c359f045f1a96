import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTextParser } from '../../src/admin/text-parser.ts'

test('a huge text does not hold up the smaller ones that come after it', async () => {
  const parser = createTextParser()
  try {
    const order: string[] = []
    const parse = (name: string, items: number) =>
      parser.parse('yaml', '- an item\n'.repeat(items)).then(({ problems }) => {
        assert.deepEqual(problems, [])
        order.push(name)
      })
    await Promise.all([parse('huge', 200_000), parse('small', 5_000)])
    assert.deepEqual(order, ['small', 'huge'])
  } finally {
    await parser.close()
  }
})
