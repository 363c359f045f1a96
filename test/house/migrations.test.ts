import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { projectRoot } from '../../src/project-root.ts'

/** The last one before versions could run side by side. */
const last = '0007_replicas.sql'

const folder = join(projectRoot, 'migrations')
const statements = (sql: string) => sql.replaceAll(/--.*$/gm, '').split(';')

/** What a version that does not know of it cannot live with. */
const breaking = [
  /\bdrop\s+(table|column|constraint|index|type|function)\b/i,
  /\brename\b/i,
  /\balter\s+column\b/i,
  /\badd\s+constraint\b/i,
  /\bcreate\s+(or\s+replace\s+)?(trigger|rule)\b/i,
]

function problems(sql: string): string[] {
  return statements(sql).filter((statement) => {
    const demands = /\badd\s+column\b/i.test(statement) && /\bnot\s+null\b/i.test(statement)
    const lacksDefault = demands && !/\bdefault\b/i.test(statement)
    return lacksDefault || breaking.some((pattern) => pattern.test(statement))
  })
}

test('migrations only add, so that the version before runs beside them; one that cannot says so', () => {
  const newer = readdirSync(folder).filter((name) => name.endsWith('.sql') && name > last)
  assert.ok(newer.length > 0)
  for (const name of newer) {
    const sql = readFileSync(join(folder, name), 'utf8')
    if (/^-- Breaks older versions: /m.test(sql)) continue
    assert.deepEqual(problems(sql), [], name)
  }
})

test('what breaks the version before is found', () => {
  const found = [
    'alter table objects add column zone text not null',
    'alter table objects drop column labels',
    'alter table objects rename column labels to tags',
    'alter table objects alter column spec type jsonb',
    'drop table history',
  ].map((sql) => problems(sql).length)
  assert.deepEqual(found, [1, 1, 1, 1, 1])
  assert.deepEqual(
    problems("create table a (b text not null); alter table a add column c text not null default ''"),
    [],
  )
})
