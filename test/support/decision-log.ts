import type { Weir } from './weir.ts'

/** What a replica that logs at level `debug` says of its store, in order; `at` in milliseconds since the epoch. */
export type StoreLine = { readonly at: number } & (
  | { readonly msg: 'counter_store_decision'; readonly by: string }
  | { readonly msg: 'counter_store_rung'; readonly rung: string; readonly before: string }
  | { readonly msg: 'counter_store_call'; readonly result: string }
)

const told = /"msg":"counter_store_(decision|rung|call)"/

/** Reads what a replica says; each call reads on from where the last one ended. */
export function storeLines({ output }: Pick<Weir, 'output'>): () => readonly StoreLine[] {
  const lines: StoreLine[] = []
  let read = 0
  return () => {
    const text = output()
    const end = text.lastIndexOf('\n') + 1
    for (const line of text.slice(read, end).split('\n')) {
      if (!told.test(line)) continue
      const { time, ...rest } = JSON.parse(line)
      lines.push({ at: Date.parse(time), ...rest })
    }
    read = end
    return lines
  }
}

/** When the store decided, and when this replica did without it. */
export function decidedAt(lines: readonly StoreLine[]): { store: number[]; alone: number[] } {
  const by = (isMeant: (by: string) => boolean) =>
    lines.flatMap((line) => (line.msg === 'counter_store_decision' && isMeant(line.by) ? [line.at] : []))
  const isAlone = (by: string) => by === 'local' || by === 'allow' || by === 'deny'
  return { store: by((each) => each === 'store'), alone: by(isAlone) }
}

/** Of each time that the store was away: how many requests waited for it in vain, before that was known and afterwards. */
export function waitedInOutages(lines: readonly StoreLine[]): number[] {
  const waited: number[] = []
  let inVain = 0
  for (const line of lines) {
    if (line.msg === 'counter_store_call') inVain = line.result === 'answered' ? 0 : inVain + 1
    else if (line.msg === 'counter_store_rung' && line.before === 'away') {
      waited.push(inVain)
      inVain = 0
    }
  }
  return waited
}
