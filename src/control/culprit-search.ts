import { idOf } from '../model/document.ts'
import { type Form, formOf } from '../model/quarantine.ts'

/** A form that is to blame for a refusal. */
export interface Culprit {
  readonly form: Form
  /** What Envoy said of it; '' where it refused several, and this one was told from them by trying. */
  readonly error: string
  readonly pointer: string
}

/** What a refusal says: the forms that may be behind it, and which of them it names. */
export interface Refused {
  readonly suspects: readonly Form[]
  readonly blamed: { readonly form: Form; readonly pointer: string } | undefined
  readonly error: string
}

/** After so many refusals those that are left are held back together. */
const maxRefusals = 100

/**
 * The search for the forms behind one refused resource, as plain calls. What `held` names is to be kept from the Envoys;
 * then they accept the resource or refuse it again, which is told by `accepted` and `refused`, until it is `over`.
 *
 *     naming    what Envoy named is held; refused: it names another, or nobody can be told     -> clearing
 *               accepted: those were it                                                        -> over
 *     clearing  all suspects are held; refused: their earlier forms are suspects, too (none: nobody can be told -> over)
 *               accepted: one of them it was                                                   -> trying
 *     trying    a group is released, those that others name first; accepted: it is innocent, the next one is tried
 *               refused: it is split, or if it is one, it was that; no group is left            -> over
 *
 * One culprit among n that Envoy does not name is found in about 2 log2(n) answers.
 */
export class CulpritSearch {
  #phase: 'naming' | 'clearing' | 'trying' | 'over' = 'naming'
  readonly #culprits = new Map<string, Culprit>()
  /** Held in doubt. Both by `formOf`. */
  readonly #doubtful = new Map<string, Form>()
  #groups: (readonly Form[])[] = []
  #trial: readonly Form[] = []
  #refusals = 0
  readonly #inOrder: (forms: readonly Form[]) => readonly Form[]

  /** `inOrder` puts those that others name before these. */
  constructor(inOrder: (forms: readonly Form[]) => readonly Form[]) {
    this.#inOrder = inOrder
  }

  get over(): boolean {
    return this.#phase === 'over'
  }

  /** The search depends on which other forms are in force: it makes no sense any more when they change. */
  get isDelicate(): boolean {
    return this.#phase === 'clearing' || this.#phase === 'trying'
  }

  get held(): Form[] {
    return [...[...this.#culprits.values()].map(({ form }) => form), ...this.#doubtful.values()]
  }

  /** Those that are known; when the search is over, all of them. */
  get culprits(): Culprit[] {
    return [...this.#culprits.values()]
  }

  refused(said: Refused): void {
    this.#refusals++
    if (this.#phase === 'naming') this.#name(said)
    else if (this.#phase === 'clearing') this.#clear(said.suspects)
    else if (this.#phase === 'trying') this.#convict(said)
    if (this.#refusals >= maxRefusals && !this.over) this.#giveUp(said.error)
  }

  accepted(): void {
    if (this.#phase === 'naming') this.#phase = 'over'
    else if (this.#phase === 'clearing') {
      this.#phase = 'trying'
      this.#groups = halves(this.#inOrder(newestForms([...this.#doubtful.values()])))
      this.#try()
    } else if (this.#phase === 'trying') this.#try()
  }

  #name({ suspects, blamed, error }: Refused): void {
    if (blamed === undefined) this.#clear(suspects)
    else this.#convictOne({ form: blamed.form, pointer: blamed.pointer, error })
  }

  /** Those that were named may be innocent, too. */
  #clear(suspects: readonly Form[]): void {
    for (const { form } of this.#culprits.values()) this.#doubtful.set(formOf(form), form)
    this.#culprits.clear()
    this.#phase = suspects.length === 0 ? 'over' : 'clearing'
    if (this.over) this.#doubtful.clear()
    for (const form of suspects) this.#doubtful.set(formOf(form), form)
  }

  #convict({ error, blamed }: Refused): void {
    const [only, ...others] = this.#trial
    if (others.length > 0) {
      this.#groups.unshift(...halves(this.#trial))
      for (const form of this.#trial) this.#doubtful.set(formOf(form), form)
    } else if (only !== undefined) {
      const pointer = blamed !== undefined && formOf(blamed.form) === formOf(only) ? blamed.pointer : ''
      this.#convictOne({ form: only, pointer, error })
    }
    this.#try()
  }

  #convictOne(culprit: Culprit): void {
    this.#culprits.set(formOf(culprit.form), culprit)
    this.#doubtful.delete(formOf(culprit.form))
  }

  /** Releases the next group; the earlier forms of its objects count for nothing, since they are not in force then. */
  #try(): void {
    this.#trial = this.#groups.shift() ?? []
    const released = new Set(this.#trial.map(idOf))
    for (const [key, form] of this.#doubtful) {
      if (released.has(idOf(form)) || this.#trial.length === 0) this.#doubtful.delete(key)
    }
    if (this.#trial.length === 0) this.#phase = 'over'
  }

  #giveUp(error: string): void {
    const left = [...this.#doubtful.values(), ...this.#trial]
    for (const form of left) this.#convictOne({ form, pointer: '', error })
    this.#phase = 'over'
  }
}

function halves(forms: readonly Form[]): (readonly Form[])[] {
  const middle = Math.ceil(forms.length / 2)
  return [forms.slice(0, middle), forms.slice(middle)].filter(({ length }) => length > 0)
}

/** Of several forms of one object the one that is written. */
function newestForms(forms: readonly Form[]): Form[] {
  const newest = new Map<string, Form>()
  for (const form of forms) {
    if (form.revision > (newest.get(idOf(form))?.revision ?? 0)) newest.set(idOf(form), form)
  }
  return [...newest.values()]
}
