import { type Flaw, noTexts, type ShortType, type Texts } from './content.ts'

/** What can be written of one resource; `first` and `second` choose among the names that it may refer to. */
export interface Row {
  readonly n: number
  readonly flaw: Flaw
  readonly first: number
  readonly second: number
}

export const rowNames = ['a', 'b', 'c', 'd']
const parts = ['p', 'q', 'r']

/** The rows that were written last, by type and name. */
export class Rows {
  readonly #rows: Record<ShortType, Map<string, Row>> = {
    cluster: new Map(),
    endpoints: new Map(),
    secret: new Map(),
    extension: new Map(),
    listener: new Map(),
    route: new Map(),
  }

  put(short: ShortType, name: string, row: Row | undefined): void {
    if (row === undefined) this.#rows[short].delete(name)
    else this.#rows[short].set(name, row)
  }

  /** What they say together: nothing refers to what is not there. */
  texts(): Texts {
    const texts = noTexts()
    for (const short of ['cluster', 'endpoints', 'secret'] as const) {
      for (const [name, { n, flaw }] of this.#rows[short]) texts[short].set(name, `${n}${flaw}`)
    }
    const clusters = [...texts.cluster.keys()].sort()
    if (clusters.length > 0) {
      for (const [name, row] of this.#rows.route) texts.route.set(name, text(row, [clusters, parts]))
    }
    const routes = [...texts.route.keys()].sort()
    if (routes.length === 0) return texts
    const demanded = [...texts.route.values()].map((route) => route.split(/[/:]/)[1]!)
    const { n, flaw, first } = this.#rows.extension.get('x') ?? { n: 0, flaw: '', first: 0 }
    const all = new Set([...demanded, parts[first % 3]!, `:${n}`, ...(flaw === '' ? [] : [flaw])])
    texts.extension.set('x', [...all].sort().join(','))
    const secrets = [...texts.secret.keys()].sort()
    for (const [name, row] of this.#rows.listener) {
      texts.listener.set(name, text(row, [routes, secrets, ['x']]))
    }
    return texts
  }
}

function text({ n, flaw, first, second }: Row, choices: string[][]): string {
  const named = choices.map((names, index) => names[[first, second, 0][index]! % names.length] ?? '')
  return `${named.join('/')}:${n}${flaw}`
}
