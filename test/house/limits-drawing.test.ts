import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type DrawnRun, drawRun, mostWithin } from '../../bench/limits-drawing.ts'
import { projectRoot } from '../../src/project-root.ts'

const read = (name: string) => readFileSync(join(projectRoot, 'docs', name), 'utf8')
const run = JSON.parse(read('limits-burst.json')) as DrawnRun

test('docs/limits-burst.svg shows the points that were measured', () => {
  assert.equal(read('limits-burst.svg'), drawRun(run), 'run `npm run docs:limits -- --redraw`')
})

test('the measured points keep the bounds that docs/rate-limiting.md gives', () => {
  const most = Object.entries(run.policies).map(([name, { requests }]) => {
    const delivered = requests.flatMap(([, at]) => (at === null ? [] : [at])).sort((a, b) => a - b)
    return [name, mostWithin(delivered, run.windowMs)] as const
  })
  const {
    fixed_window = 0,
    sliding_window = 0,
    token_bucket = 0,
    leaky_bucket = 0,
  } = Object.fromEntries(most)
  assert.equal(fixed_window, 20)
  assert.ok(sliding_window > 10 && sliding_window < 20)
  assert.ok(token_bucket > 10 && token_bucket <= 20)
  assert.equal(leaky_bucket, 11)
  assert.match(read('rate-limiting.md'), new RegExp(`there are ${sliding_window} at a limit of 10`))
})
