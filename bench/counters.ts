/**
 * What counters cost in memory and time, and what a flood of random keys does to them: weir's table beside an object
 * each in a plain JavaScript Map, each in a process of its own, in the same run. One command: `npm run bench:counters`.
 * In the flood every answer to an honest key is held to a plain count, and the run fails where one differs.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { projectRoot } from '../src/project-root.ts'
import type { Flooded, Live } from './counters-side.ts'
import type { Times } from './pauses.ts'

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    flood: { type: 'string', default: '20000000' },
  },
})
const sides = { table: 'weir', map: 'objects in a Map' }
type Side = keyof typeof sides
type Measured<Part> = Part & { longestCollection: number }

async function measure<Part>(side: Side, part: 'live' | 'flood'): Promise<Measured<Part>> {
  const options = ['--side', side, '--part', part, '--keys', values.keys, '--flood', values.flood]
  const file = join(projectRoot, 'bench', 'counters-side.ts')
  const child = spawn(process.execPath, ['--expose-gc', file, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`${sides[side]}, ${part}: ended with ${code}`)
  return JSON.parse(output)
}

const print = (line: string) => void process.stdout.write(`${line}\n`)
const row = (...cells: string[]) => print(`| ${cells.join(' | ')} |`)
const head = (...cells: string[]) => {
  row(...cells)
  print(`|${cells.map(() => '---').join('|')}|`)
}
const number = (value: number) => value.toLocaleString('en-US')
const us = ({ p50, p99, max }: Times) => [p50, p99, max].map((time) => time.toFixed(1)).join(' / ')
const ms = (microseconds: number) => `${(microseconds / 1_000).toFixed(1)} ms`

print(
  `${number(Number(values.keys))} live counters, a quarter of each algorithm. Aim: at most 250 MB over empty.\n`,
)
head(
  '',
  'MB over empty',
  'new counter, us p50 / p99 / max',
  'hit, us p50 / p99 / max',
  'longest GC',
  '100 requests, CPU',
)
let restart: Live['snapshot']
for (const side of ['table', 'map'] as const) {
  const { megabytes, begin, hits, filling, snapshot, longestCollection } = await measure<Live>(side, 'live')
  const cells = [megabytes.toFixed(0), us(begin), us(hits), ms(longestCollection), ms(filling.slowestSlice)]
  row(sides[side], ...cells)
  if (snapshot !== undefined) restart = snapshot
}
if (restart !== undefined) {
  const { counters, bytes, write, restore, more } = restart
  print(
    `\nSnapshot of ${number(counters)} counters: ${(bytes / 1e6).toFixed(0)} MB, written in ${write.toFixed(0)} ms ` +
      `with ${more.toFixed(0)} MB more in use, restored in ${restore.toFixed(0)} ms.`,
  )
}

print(
  `\n${number(Number(values.flood))} requests at a store bounded to ${number(Number(values.keys))}, 1 in 20 of ` +
    "1,000 honest keys, the others random. Longest: from one request to the next, any program's doing.\n",
)
head(
  '',
  'honest: asked, admitted',
  'counters',
  'MB at start, middle, end',
  '99.999% within',
  'longest',
  'longest GC',
  '100 requests, CPU',
)
for (const side of ['table', 'map'] as const) {
  const { asked, admitted, size, megabytes, parts, longestCollection } = await measure<Flooded>(side, 'flood')
  const most = (values: number[]) => ms(Math.max(...values))
  row(
    sides[side],
    `${number(asked)}, ${number(admitted)}`,
    number(size),
    megabytes.map((each) => each.toFixed(0)).join(', '),
    most(parts.map(({ gaps }) => gaps.p99999)),
    most(parts.map(({ gaps }) => gaps.max)),
    ms(longestCollection),
    most(parts.map(({ slowestSlice }) => slowestSlice)),
  )
}
