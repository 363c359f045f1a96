import type { Origin } from '../compile/provenance.ts'
import { typeUrls } from '../envoy-api/types.ts'
import type { RefusedResource } from '../model/receipt.ts'
import type { Nack } from '../xds/session.ts'
import type { Controller } from './controller.ts'

/** Traces what Envoys refuse to the rows behind it. */
export interface RowsBehind {
  /** As of when this refusal was first asked about: a later state may make the resource of other rows, or not at all. */
  of(gateway: string, nack: Nack): RefusedResource
}

/** Many Envoys refuse the same: a resource is traced once a revision, since thousands of rows may be behind it. */
export function createRowsBehind(controller: Pick<Controller, 'rowsBehind' | 'revision'>): RowsBehind {
  const known = new WeakMap<Nack, RefusedResource>()
  let traced = new Map<string, Origin[]>()
  let revision = -1

  function rowsOf(gateway: string, { type, resource }: Nack): Origin[] {
    if (revision !== controller.revision()) traced = new Map()
    revision = controller.revision()
    const key = JSON.stringify([gateway, type, resource])
    const rows =
      traced.get(key) ?? controller.rowsBehind(gateway, typeUrls[type as keyof typeof typeUrls], resource)
    traced.set(key, rows)
    return rows
  }

  return {
    of(gateway, nack) {
      const told = known.get(nack) ?? { ...nack, rows: rowsOf(gateway, nack) }
      known.set(nack, told)
      return told
    },
  }
}
