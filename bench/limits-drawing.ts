/** What became of the same requests under one policy. Times are milliseconds since the first was sent. */
export interface DrawnPolicy {
  /** As in the policy, for people. */
  numbers: string
  /** A request each: when it was sent, and when it reached the upstream; null where it was refused. */
  requests: [sentMs: number, deliveredMs: number | null][]
}

export interface DrawnRun {
  /** Length of the windows, and how long before the end of one the first request was sent. */
  windowMs: number
  beforeEdgeMs: number
  policies: Record<string, DrawnPolicy>
}

const [left, right, top, panel] = [20, 20, 96, 128] as const
const [width, seconds] = [880, 28] as const
const second = (width - left - right) / seconds
/** Pixels of a request, milliseconds of a bar, and the most of the refused that a bar shows. */
const [request, bar, mostShown] = [5, 250, 7] as const

/** An SVG of the run, readable on light and on dark, all text as text. */
export function drawRun(run: DrawnRun): string {
  const panels = Object.entries(run.policies).map(([name, policy], index) =>
    drawPolicy(run, name, policy, top + index * panel),
  )
  const height = top + panels.length * panel + 30
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-labelledby="title">`,
    '<title id="title">The same requests through each of the four rules</title>',
    style,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...legend(run),
    ...panels.flat(),
    ...axis(height - 14),
    '</svg>\n',
  ].join('\n')
}

const style = `<style>
.ground { fill: #ffffff } text { fill: #1f2328 } .faint { fill: #59636e }
.line { stroke: #d1d9e0 } .edge { stroke: #8c959f; stroke-dasharray: 3 3 }
.passed { fill: #0969da } .refused { fill: #cf222e }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } text { fill: #f0f6fc } .faint { fill: #9198a1 }
.line { stroke: #3d444d } .edge { stroke: #7d8590 }
.passed { fill: #58a6ff } .refused { fill: #ff7b72 }
}
</style>`

function legend({ policies, windowMs, beforeEdgeMs }: DrawnRun): string[] {
  const sent = Object.values(policies)[0]!.requests
  const burst = sent.filter(([at]) => at < bar / 2).length
  const rate = Math.round((1_000 * (sent.length - burst)) / sent.at(-1)![0])
  const schedule = `${burst} at once, ${beforeEdgeMs / 1_000} s before a window ends, then ${rate} a second, twice what is allowed.`
  return [
    text(left, 24, [bold(`The same ${sent.length} requests through each of the four rules`)]),
    text(left, 45, [faint(`${schedule} Dashed: where windows of ${windowMs / 1_000} s end.`)]),
    text(left, 66, [
      span('passed', '■', 0),
      span('', 'upwards: a request reaches the upstream, at that time', 6),
      span('refused', '■', 24),
      span('', 'downwards: one is refused, when it comes', 6),
    ]),
  ]
}

function drawPolicy(run: DrawnRun, name: string, { numbers, requests }: DrawnPolicy, y: number): string[] {
  const delivered = requests.flatMap(([, at]) => (at === null ? [] : [at])).sort((a, b) => a - b)
  const refused = requests.flatMap(([sent, at]) => (at === null ? [sent] : []))
  const base = y + 66
  const bottom = base + mostShown * request
  const edges = []
  for (let at = run.beforeEdgeMs; at <= seconds * 1_000; at += run.windowMs) {
    edges.push(`<path class="edge" d="M${place(at)} ${y + 14}V${base}"/>`)
  }
  const told = `${delivered.length} passed, ${refused.length} refused; at most ${mostWithin(delivered, run.windowMs)} reached the upstream in any ${run.windowMs / 1_000} s`
  const cut = bars(refused).filter(([, count]) => count > mostShown)
  return [
    text(left, y + 4, [bold(name), faint(numbers, 10)]),
    text(width - right, y + 4, [told], 'end'),
    ...edges,
    `<path class="line" d="M${left - 8} ${base}H${width - right}"/>`,
    ...bars(delivered).map(([at, count]) => rectangle('passed', at, base - count * request, count)),
    ...bars(refused).map(([at, count]) => rectangle('refused', at, base, Math.min(count, mostShown))),
    ...cut.map(([at, count]) => text(place(at) + 10, bottom, [faint(`${count} refused`)])),
  ]
}

function axis(y: number): string[] {
  const marks = Array.from({ length: seconds / 4 }, (_, index) => index * 4)
  return marks.map((at) => text(place(at * 1_000), y, [faint(`${at} s`)], 'middle'))
}

/** How many there are in each bar that is not empty; a bar stands in the middle of its time. */
function bars(times: readonly number[]): [at: number, count: number][] {
  const counted = Map.groupBy(times, (at) => Math.round(at / bar) * bar)
  return [...counted].map(([at, all]) => [at, all.length])
}

/** The most of sorted times that lie within an interval of that length. */
export function mostWithin(times: readonly number[], length: number): number {
  const from = (at: number) => times.filter((each) => each >= at && each < at + length).length
  return Math.max(0, ...times.map(from))
}

const place = (ms: number) => left + Math.round((ms / 1_000) * second * 10) / 10

function rectangle(type: string, at: number, y: number, count: number): string {
  const wide = (bar / 1_000) * second - 1.5
  const x = (place(at) - wide / 2).toFixed(1)
  return `<rect class="${type}" x="${x}" y="${y}" width="${wide.toFixed(1)}" height="${count * request}"/>`
}

const bold = (value: string) => `<tspan font-weight="600">${value}</tspan>`
const faint = (value: string, dx = 0) => span('faint', value, dx)

/** A part of a text, so many pixels behind the one before. */
function span(type: string, value: string, dx: number): string {
  return `<tspan${type === '' ? '' : ` class="${type}"`}${dx === 0 ? '' : ` dx="${dx}"`}>${value}</tspan>`
}

function text(x: number, y: number, parts: readonly string[], anchor = ''): string {
  const anchored = anchor === '' ? '' : ` text-anchor="${anchor}"`
  return `<text x="${x}" y="${y}"${anchored}>${parts.join('')}</text>`
}
