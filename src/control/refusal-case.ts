import type { TypeUrl } from '../envoy-api/types.ts'
import {
  type Form,
  formOf,
  type Held,
  type QuarantineEntry,
  type Refusal,
  type Substitute,
} from '../model/quarantine.ts'
import { find, type State } from '../model/state.ts'
import { shortType } from '../xds/session.ts'
import { CulpritSearch } from './culprit-search.ts'

/** One resource that Envoys refuse, until it is known which forms of which rows are to blame. */
export class RefusalCase {
  readonly gateway: string
  readonly type: TypeUrl
  readonly resource: string
  readonly search: CulpritSearch
  /** Versions that were refused; the first is the one that is told. */
  readonly versions = new Set<string>()
  error = ''
  node = ''
  /** Something is being done about it; what Envoys say meanwhile is of what is being replaced. */
  moving = false
  /** The culprits are known, and being written down. */
  found: readonly Refusal[] | undefined
  /** The database is away: the culprits are held here, in memory, until it is back. */
  isUnwritten = false
  /** Another Envoy turned out to have it in force while it was being written down. */
  isDisputed = false
  readonly #since = new Date().toISOString()
  /** What the Envoys get of each row that is held, by the form that is written. */
  substitutes: ReadonlyMap<string, Substitute> = new Map()
  timer: NodeJS.Timeout | undefined

  constructor(
    place: { gateway: string; type: TypeUrl; resource: string },
    inOrder: (forms: readonly Form[]) => readonly Form[],
  ) {
    this.gateway = place.gateway
    this.type = place.type
    this.resource = place.resource
    this.search = new CulpritSearch(inOrder)
  }

  /** The forms that are written of the rows whose forms are held. */
  presentForms(state: State): Form[] {
    const present = this.search.held.flatMap(({ kind, name }): Form[] => {
      const object = find(state, kind, name)
      return object === undefined ? [] : [{ kind, name, revision: object.revision }]
    })
    return [...new Map(present.map((form) => [formOf(form), form])).values()]
  }

  /** Rows that are to be kept from the Envoys, as far as it is known what they get instead. */
  held(state: State): Held[] {
    return this.presentForms(state).flatMap((form): Held[] => {
      const substitute = this.substitutes.get(formOf(form))
      return substitute === undefined ? [] : [{ ...form, ...substitute, resource: this.resource }]
    })
  }

  unwritten(): QuarantineEntry[] {
    const found = this.isUnwritten ? (this.found ?? []) : []
    return found.map((refusal) => {
      return { ...refusal, since: this.#since, ...(this.substitutes.get(formOf(refusal)) ?? { named: [] }) }
    })
  }

  refusals(): Refusal[] {
    const { gateway, node, resource } = this
    const [version = ''] = this.versions
    return this.search.culprits.map(({ form, pointer, error }) => {
      return { ...form, pointer, error, gateway, node, type: shortType(this.type), resource, version }
    })
  }
}
