export interface LineEdit {
  /** Kept, taken away, put in: as a patch marks them. */
  mark: ' ' | '-' | '+'
  line: string
}

/** Beyond this many differing lines the least difference is not looked for: the time grows with its square. */
const maxDistance = 2_000

/** What makes one text's lines the other's, in the fewest steps (Myers 1986, "An O(ND) Difference Algorithm"). */
export function lineDiff(before: readonly string[], after: readonly string[]): LineEdit[] {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let end = 0
  const most = Math.min(before.length, after.length) - start
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end++
  const [a, b] = [before.slice(start, before.length - end), after.slice(start, after.length - end)]
  const kept = (lines: readonly string[]) => lines.map((line): LineEdit => ({ mark: ' ', line }))
  const tail = kept(end === 0 ? [] : before.slice(-end))
  return [...kept(before.slice(0, start)), ...middle(a, b), ...tail]
}

function middle(a: readonly string[], b: readonly string[]): LineEdit[] {
  const trace = furthest(a, b)
  if (trace !== undefined) return path(a, b, trace)
  return [
    ...a.map((line): LineEdit => ({ mark: '-', line })),
    ...b.map((line): LineEdit => ({ mark: '+', line })),
  ]
}

/** For each number of steps, how far each diagonal `k = x - y` was reached before it; nothing if that is too far. */
function furthest(a: readonly string[], b: readonly string[]): Map<number, number>[] | undefined {
  const reached = new Map([[1, 0]])
  const trace: Map<number, number>[] = []
  for (let steps = 0; steps <= Math.min(a.length + b.length, maxDistance); steps++) {
    trace.push(new Map(reached))
    for (let k = -steps; k <= steps; k += 2) {
      let x = nextX(reached, k, steps)
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      reached.set(k, x)
      if (x >= a.length && x - k >= b.length) return trace
    }
  }
  return undefined
}

/** Down from the diagonal above or right from the one below, whichever is further. */
function nextX(reached: ReadonlyMap<number, number>, k: number, steps: number): number {
  return isDown(reached, k, steps) ? reached.get(k + 1)! : reached.get(k - 1)! + 1
}

function isDown(reached: ReadonlyMap<number, number>, k: number, steps: number): boolean {
  return k === -steps || (k !== steps && reached.get(k - 1)! < reached.get(k + 1)!)
}

function path(
  a: readonly string[],
  b: readonly string[],
  trace: readonly ReadonlyMap<number, number>[],
): LineEdit[] {
  const edits: LineEdit[] = []
  let [x, y] = [a.length, b.length]
  for (let steps = trace.length - 1; steps >= 0; steps--) {
    const reached = trace[steps]!
    const k = x - y
    const fromK = isDown(reached, k, steps) ? k + 1 : k - 1
    const fromX = reached.get(fromK)!
    const fromY = fromX - fromK
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      edits.push({ mark: ' ', line: a[x - 1]! })
      x--
      y--
    }
    if (steps > 0) edits.push(x === fromX ? { mark: '+', line: b[y - 1]! } : { mark: '-', line: a[x - 1]! })
    x = fromX
    y = fromY
  }
  return edits.reverse()
}
