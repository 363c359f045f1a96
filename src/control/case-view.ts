import { blame } from '../compile/blame.ts'
import { idOf } from '../model/document.ts'
import type { Form } from '../model/quarantine.ts'
import { find } from '../model/state.ts'
import type { Controller } from './controller.ts'
import type { Refused } from './culprit-search.ts'
import type { RefusalCase } from './refusal-case.ts'
import type { createSuspects } from './suspects.ts'

/** What is in force of a refused resource, and what the Envoys make of it. */
export function createCaseView(options: {
  controller: Pick<Controller, 'made'>
  fleet: { accepted(gateway: string, type: string, resource: string, version: string): boolean }
  suspects: ReturnType<typeof createSuspects>
}) {
  const { controller, fleet, suspects } = options

  /** Nothing where the resource is left out. */
  function versionOf({ gateway, type, resource }: RefusalCase): string | undefined {
    return controller.made(gateway)?.resources.get(type)?.get(resource)?.version
  }

  return {
    versionOf,

    /** A resource that is left out is in nobody's way. */
    isAccepted(each: RefusalCase): boolean {
      const version = versionOf(each)
      return version === undefined || fleet.accepted(each.gateway, each.type, each.resource, version)
    },

    /** What the last refusal says: the forms that may be behind it, and whom Envoy means, if its words say so. */
    refusal(each: RefusalCase): Refused {
      const { gateway, type, resource, error } = each
      const made = controller.made(gateway)
      if (made === undefined) return { suspects: [], blamed: undefined, error }
      const behind = suspects.behind(gateway, made, type, resource)
      const documents = behind.flatMap(({ kind, name }) => find(made.state, kind, name)?.document ?? [])
      return { suspects: behind, blamed: named(), error }

      function named(): { form: Form; pointer: string } | undefined {
        if (documents.length === 0) return undefined
        const message = made!.compiled.resources.get(type)?.get(resource)
        const { document, pointer, certain } = blame(error, message, documents)
        const form = behind.find((form) => idOf(form) === idOf(document))
        return certain && form !== undefined ? { form, pointer } : undefined
      }
    },
  }
}
