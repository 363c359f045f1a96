import type { Kind } from '../model/kind.ts'
import type { Form, Refusal, Substitute } from '../model/quarantine.ts'
import type { Controller } from './controller.ts'
import type { HeldRowsOptions } from './held-rows.ts'

/** What the quarantine decides by, and whom it tells. */
export interface QuarantineOptions extends Omit<HeldRowsOptions, 'onChange'> {
  /** The table that all replicas share, as `store/quarantine.ts` serves it. */
  table: HeldRowsOptions['table'] & {
    substitutes(forms: readonly Form[], refused: readonly Form[]): Promise<ReadonlyMap<string, Substitute>>
    hold(refusals: readonly Refusal[]): Promise<void>
    release(forms: readonly Form[]): Promise<void>
    accept(forms: readonly Form[]): Promise<void>
  }
  kinds: readonly Kind[]
  controller: Pick<Controller, 'apply' | 'made' | 'gateways'>
  /** Has a gateway's Envoys try again what they refused. */
  retry(gateway: string): void
  fleet: { accepted(gateway: string, type: string, resource: string, version: string): boolean }
  answerMs?: number
}
