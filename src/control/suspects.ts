import { type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import { idOf } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import type { Form } from '../model/quarantine.ts'
import { referencesOf } from '../model/references.ts'
import { find, type State } from '../model/state.ts'
import type { Made } from './controller.ts'

/** Types of which one resource is made of many rows. */
const shared: readonly TypeUrl[] = [typeUrls.route, typeUrls.extension]

/** Versions of one resource whose states are remembered: Envoys that are further behind tell nothing. */
const maxVersions = 8

type Accepted = (gateway: string, type: string, resource: string, version: string) => boolean

/** Knows which rows may be behind a refusal: those that are other ones than in a version that was accepted. */
export function createSuspects(accepted: Accepted) {
  /** By gateway, then by type and resource; newest first. */
  const versions = new Map<string, Map<string, { version: string; state: State }[]>>()

  return {
    /** A gateway was compiled. */
    note(gateway: string, { state, resources }: Made): void {
      const own = versions.get(gateway) ?? new Map<string, { version: string; state: State }[]>()
      versions.set(gateway, own)
      for (const type of shared) {
        for (const [name, { version }] of resources.get(type) ?? []) {
          const known = own.get(`${type} ${name}`) ?? []
          if (known[0]?.version === version) continue
          const others = known.filter((each) => each.version !== version)
          own.set(`${type} ${name}`, [{ version, state }, ...others].slice(0, maxVersions))
        }
      }
    },

    /** Other gateways are no more. */
    keep(gateways: readonly string[]): void {
      for (const gateway of versions.keys()) if (!gateways.includes(gateway)) versions.delete(gateway)
    },

    /** The forms behind a resource that is in force here; none behind one of weir's own. */
    behind(gateway: string, { state, compiled, resources }: Made, type: TypeUrl, resource: string): Form[] {
      const forms = compiled.provenance.of(type, resource).flatMap(({ kind, name }): Form[] => {
        const object = find(state, kind, name)
        return object === undefined ? [] : [{ kind, name, revision: object.revision }]
      })
      const current = resources.get(type)?.get(resource)?.version
      const known = versions.get(gateway)?.get(`${type} ${resource}`) ?? []
      const good = known.find(({ version }) => {
        return version !== current && accepted(gateway, type, resource, version)
      })
      if (good === undefined) return forms
      const changed = forms.filter(({ kind, name, revision }) => {
        return find(good.state, kind, name)?.revision !== revision
      })
      return changed.length > 0 ? changed : forms
    },
  }
}

/** The forms in an order in which each comes after those that it names. */
export function namedFirst(kinds: readonly Kind[], state: State, forms: readonly Form[]): Form[] {
  const byId = new Map(forms.map((form) => [idOf(form), form]))
  const ordered = new Map<string, Form>()
  const entered = new Set<string>()

  function visit(form: Form): void {
    const id = idOf(form)
    if (entered.has(id)) return
    entered.add(id)
    const document = find(state, form.kind, form.name)?.document
    for (const reference of document === undefined ? [] : referencesOf(kinds, document)) {
      const named = byId.get(idOf(reference))
      if (named !== undefined) visit(named)
    }
    ordered.set(id, form)
  }

  for (const form of forms) visit(form)
  return [...ordered.values()]
}
