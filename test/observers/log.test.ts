import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import pg from 'pg'
import { explanationOf, WeirError } from '../../src/errors.ts'
import { consoleObserver } from '../../src/observers/console.ts'
import { logObserver } from '../../src/observers/log.ts'

const secret = 'hunter2-private-key'

function failedQuery(): Error {
  const said = new pg.DatabaseError(
    'duplicate key value violates unique constraint "secrets_pkey"',
    1,
    'error',
  )
  Object.assign(said, { code: '23505', detail: `Key (text)=(${secret}) already exists.`, where: secret })
  return new DrizzleQueryError('insert into secrets values ($1)', [secret], said)
}

function logged(error: unknown): { line: string; err: Record<string, string> } {
  const lines: string[] = []
  const observe = logObserver({ write: (text) => void lines.push(text) }, 'info')
  observe({ event: 'failed', where: 'a test', error })
  const line = lines.join('')
  return { line, err: JSON.parse(line).err }
}

test('a query that failed is logged by what the database says, without what was asked', () => {
  const { line, err } = logged(failedQuery())
  assert.deepEqual(Object.keys(err), ['type', 'code', 'message', 'stack'])
  assert.equal(err.type, 'DatabaseError')
  assert.equal(err.code, '23505')
  assert.equal(err.message, 'duplicate key value violates unique constraint "secrets_pkey"')
  assert.match(err.stack!, /\n {4}at .*log\.test\.ts/)
  assert.ok(!line.includes(secret) && !line.includes('insert into'), line)
})

test('so is one that is the cause of another error, and one without a cause', () => {
  const away = logged(
    new WeirError('unavailable', 'The database cannot be reached.', { cause: failedQuery() }),
  )
  assert.equal(away.err.code, 'unavailable')
  assert.match(
    away.err.stack!,
    /^WeirError: The database cannot be reached\.\n(.*\n)+caused by: DatabaseError: duplicate/,
  )
  const alone = logged(new DrizzleQueryError('select $1', [secret]))
  assert.equal(alone.err.message, 'a query failed')
  for (const { line } of [away, alone]) assert.ok(!line.includes(secret), line)
})

test('what drivers hang on their errors stays out', () => {
  const error = Object.assign(new Error('WRONGTYPE'), { command: { name: 'set', args: [secret] } })
  const { line, err } = logged(error)
  assert.equal(err.message, 'WRONGTYPE')
  assert.ok(!line.includes(secret), line)
})

test('a person sees as little of it, at the terminal and where a start fails', () => {
  const lines: string[] = []
  consoleObserver((text) => lines.push(text))({ event: 'failed', where: 'a test', error: failedQuery() })
  assert.deepEqual(lines, ['a test failed: duplicate key value violates unique constraint "secrets_pkey"'])
  assert.ok(!explanationOf(failedQuery()).includes(secret))
})
