import { sql } from 'drizzle-orm'
import { idOf } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { type Form, formOf, type Substitute } from '../model/quarantine.ts'
import { referencesOf } from '../model/references.ts'
import type { StoredObject } from '../model/state.ts'
import type { Reader } from './read-state.ts'
import { readRow } from './rows.ts'
import type { ObjectRow } from './tables.ts'

/** Columns of `objects o` as Drizzle names them. */
const columns = sql`o.kind, o.name, o.owner, o.labels, o.spec,
  o.from_revision::float8 as "fromRevision", o.to_revision::float8 as "toRevision"`

/** Finds what takes the place of forms of objects that must not be delivered. */
export function createSubstitutes(kinds: readonly Kind[]) {
  const objectOf = (row: ObjectRow): StoredObject[] => {
    const { object } = readRow(kinds, row)
    return object === undefined ? [] : [object]
  }

  /** By `formOf`; `refused`, and what the table holds, are no good. */
  async function find(
    reader: Reader,
    forms: readonly Form[],
    refused: readonly Form[],
  ): Promise<Map<string, Substitute>> {
    const { rows } = await reader.execute<ObjectRow & { form: string }>(sql`
      with recursive refused as (
        select kind, name, revision from ${unnested(refused)}
        union select kind, name, revision from quarantine where not accepted
      ), earlier as (
        select kind, name, revision as form, revision, true as refused from ${unnested(forms)}
        union all
        select o.kind, o.name, e.form, o.from_revision,
          exists (select from refused r where r.kind = o.kind and r.name = o.name and r.revision = o.from_revision)
        from earlier e join objects o on o.kind = e.kind and o.name = e.name and o.to_revision = e.revision
        where e.refused
      )
      select e.form::text as form, ${columns}
      from earlier e join objects o on o.kind = e.kind and o.name = e.name and o.from_revision = e.revision
      where not e.refused`)
    const good = new Map(
      rows.flatMap((row) =>
        objectOf(row).map((object) => [formOf({ ...row, revision: Number(row.form) }), object] as const),
      ),
    )
    return withNamed(reader, forms, good)
  }

  /** The same for forms whose good one is known by its revision. */
  async function read(
    reader: Reader,
    entries: readonly (Form & { good: number | null })[],
  ): Promise<Map<string, Substitute>> {
    const known = entries.flatMap(({ kind, name, good }) =>
      good === null ? [] : [{ kind, name, revision: good }],
    )
    if (known.length === 0) return withNamed(reader, entries, new Map())
    const { rows } = await reader.execute<ObjectRow>(sql`
      select ${columns} from objects o
      join ${unnested(known)} on o.kind = f.kind and o.name = f.name and o.from_revision = f.revision`)
    const byName = new Map(rows.flatMap(objectOf).map((object) => [idOf(object.document), object]))
    const good = entries.flatMap((entry) => {
      const object = entry.good === null ? undefined : byName.get(idOf(entry))
      return object === undefined ? [] : [[formOf(entry), object] as const]
    })
    return withNamed(reader, entries, new Map(good))
  }

  /** Adds what the good forms name, gateways apart: where there is none, nothing is served. */
  async function withNamed(
    reader: Reader,
    forms: readonly Form[],
    good: ReadonlyMap<string, StoredObject>,
  ): Promise<Map<string, Substitute>> {
    const found = new Map<string, StoredObject>()
    const namedBy = ({ document }: StoredObject) =>
      referencesOf(kinds, document).filter(({ kind }) => kind !== 'Gateway')
    for (let next = [...good.values()].flatMap(namedBy); next.length > 0; ) {
      const wanted = next.filter((each) => !found.has(idOf(each)))
      if (wanted.length === 0) break
      const { rows } = await reader.execute<ObjectRow>(sql`
        select distinct on (o.kind, o.name) ${columns} from objects o
        join ${unnested(wanted.map(({ kind, name }) => ({ kind, name, revision: 0 })))}
          on o.kind = f.kind and o.name = f.name
        order by o.kind, o.name, o.from_revision desc`)
      const loaded = rows.flatMap(objectOf)
      for (const object of loaded) found.set(idOf(object.document), object)
      next = loaded.flatMap(namedBy)
    }
    const closure = (object: StoredObject, seen = new Map<string, StoredObject>()) => {
      for (const reference of namedBy(object)) {
        const target = found.get(idOf(reference))
        if (target === undefined || seen.has(idOf(reference))) continue
        seen.set(idOf(reference), target)
        closure(target, seen)
      }
      return seen
    }
    return new Map(
      forms.map((form): [string, Substitute] => {
        const object = good.get(formOf(form))
        if (object === undefined) return [formOf(form), { named: [] }]
        return [formOf(form), { good: object, named: [...closure(object).values()] }]
      }),
    )
  }

  return { find, read }
}

/** These forms as a table `f`. */
function unnested(forms: readonly Form[]) {
  const column = (of: (form: Form) => string | number) => sql.param(forms.map(of))
  return sql`unnest(
    ${column(({ kind }) => kind)}::text[], ${column(({ name }) => name)}::text[],
    ${column(({ revision }) => revision)}::bigint[]) as f (kind, name, revision)`
}
