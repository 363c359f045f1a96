import { sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { LastEndpoints } from '../model/kept-endpoints.ts'

/**
 * The last endpoints of clusters whose list is empty now, as far as the history has them. Those of an object that was
 * deleted meanwhile, or had no list of its own in between, are none of the object that is there now.
 */
export async function readLastEndpoints(
  db: NodePgDatabase,
  names: readonly string[],
): Promise<LastEndpoints[]> {
  const { rows } = await db.execute<{
    name: string
    spec: Record<string, unknown>
    empty_for_ms: number
  }>(sql`
    with last as (
      select distinct on (name) name, spec, to_revision
      from objects
      where kind = 'Cluster' and name in ${[...names]} and json_array_length(spec -> 'endpoints') > 0
      order by name, from_revision desc
    )
    select last.name, last.spec,
      extract(epoch from clock_timestamp() - revisions.at)::float8 * 1000 as empty_for_ms
    from last
    join revisions on revisions.id = last.to_revision
    where not exists (
      select from objects as gap
      where gap.kind = 'Cluster' and gap.name = last.name and gap.from_revision >= last.to_revision
        and json_array_length(gap.spec -> 'endpoints') is distinct from 0
    ) and (
      -- Without a gap: each form but the newest ends where the next one begins.
      select count(*) filter (where to_revision is not null) = count(*) - 1
        and min(from_revision) = last.to_revision
        and coalesce(sum(to_revision - from_revision), 0)
          = coalesce(max(from_revision) - min(from_revision), 0)
      from objects as form
      where form.kind = 'Cluster' and form.name = last.name and form.from_revision >= last.to_revision
    )`)
  return rows.map(({ name, spec, empty_for_ms }) => ({ name, spec, emptyForMs: empty_for_ms }))
}
