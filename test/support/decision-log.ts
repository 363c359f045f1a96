import type { Weir } from './weir.ts'

/** What a replica that logs at level `debug` says of its store, in order; `at` in milliseconds since the epoch. */
export type StoreLine = { readonly at: number } & (
  | { readonly msg: 'counter_store_decision'; readonly by: string }
  | { readonly msg: 'counter_store_rung'; readonly rung: string; readonly why: string }
  | { readonly msg: 'counter_store_call'; readonly result: string; readonly milliseconds: number }
)

const told = /"msg":"counter_store_(decision|rung|call)"/

export function storeLines(weir: Pick<Weir, 'output'>): StoreLine[] {
  return weir
    .output()
    .split('\n')
    .filter((line) => told.test(line))
    .map((line) => {
      const { time, ...rest } = JSON.parse(line)
      return { at: Date.parse(time), ...rest }
    })
}

/** When the store decided, and when this replica did without it. */
export function decidedAt(lines: readonly StoreLine[]): { store: number[]; alone: number[] } {
  const by = (isMeant: (by: string) => boolean) =>
    lines.flatMap((line) => (line.msg === 'counter_store_decision' && isMeant(line.by) ? [line.at] : []))
  const isAlone = (by: string) => by === 'local' || by === 'allow' || by === 'deny'
  return { store: by((each) => each === 'store'), alone: by(isAlone) }
}

/** Of each time that the store was away: how many requests had waited for it until it was known, or did afterwards. */
export function waitedInOutages(lines: readonly StoreLine[]): number[] {
  const waited: number[] = []
  let isAway = false
  for (const line of lines) {
    if (line.msg === 'counter_store_rung') {
      isAway = line.rung === 'away'
      if (isAway) waited.push(0)
    } else if (isAway && line.msg === 'counter_store_call') waited[waited.length - 1]!++
  }
  return waited
}
