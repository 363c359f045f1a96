import type { PoolClient } from 'pg'
import { locks } from './locks.ts'

/** Secrets a statement, each of which costs a look at every kept form of its object. */
const batch = 200
const noId = '00000000-0000-0000-0000-000000000000'

/**
 * Deletes the secrets from before `oldest` that no kept form of their object names; a secret is that of one object.
 * They are looked for beside the writers, whose lock is held only while a batch is deleted: then nothing is looked at
 * but the forms that were written since.
 */
export async function forgetSecrets(client: PoolClient, oldest: number): Promise<number> {
  let deleted = 0
  for (let after: string | undefined = noId; after !== undefined; ) {
    const newest = await newestRevision(client)
    const page: Page = await readPage(client, oldest, after)
    if (page.unnamed.length > 0) deleted += await forget(client, page.unnamed, newest)
    after = page.last
  }
  return deleted
}

interface Page {
  /** Ids of the secrets of this page that nothing names. */
  unnamed: string[]
  /** Where the next page begins; nothing where this is the last one. */
  last?: string
}

async function readPage(client: PoolClient, oldest: number, after: string): Promise<Page> {
  const { rows } = await client.query<{ id: string; named: boolean }>(
    `select id, exists (
       select from objects o where o.kind = s.kind and o.name = s.name
         and position(s.id::text in o.spec::text) > 0) as named
     from (select id, kind, name from secrets where from_revision < $1 and id > $2 order by id limit ${batch}) s
     order by id`,
    [oldest, after],
  )
  const unnamed = rows.flatMap(({ id, named }) => (named ? [] : [id]))
  return rows.length < batch ? { unnamed } : { unnamed, last: rows.at(-1)!.id }
}

/** Under the writers' lock, since a write that is under way may name one again. */
async function forget(client: PoolClient, ids: readonly string[], searchedAt: number): Promise<number> {
  await client.query('begin')
  try {
    await client.query('select pg_advisory_xact_lock($1)', [locks.write])
    const { rowCount } = await client.query(
      `delete from secrets s where id = any($1::uuid[]) and not exists (
         select from objects o where o.kind = s.kind and o.name = s.name and o.from_revision > $2
           and position(s.id::text in o.spec::text) > 0)`,
      [ids, searchedAt],
    )
    await client.query('commit')
    return rowCount ?? 0
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

async function newestRevision(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ id: string | null }>('select max(id) as id from revisions')
  return Number(rows[0]!.id ?? 0)
}
