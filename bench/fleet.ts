/**
 * What a fleet costs its control plane: hundreds of Envoys that join at once, one edit until the last of them has it, and
 * thousands of streams on one replica. Beside it, in the same run, a small server by go-control-plane with the same
 * resources. The Envoys are simulated, in a process of their own, each on a TCP connection of its own with one stream, as
 * real ones are (`fleet/envoy.ts`). One command: `npm run bench:fleet`.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureEdits } from './fleet/edits.ts'
import type { Protocol } from './fleet/envoy.ts'
import { measureJoins } from './fleet/joins.ts'
import { measureStreamBytes } from './fleet/stream-bytes.ts'
import { measureStreams } from './fleet/streams.ts'
import { goControlPlane } from './references.ts'
import { head, print, row } from './table.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: 'joins,edits,bytes,streams' },
    envoys: { type: 'string', default: '500' },
    resources: { type: 'string', default: '1000,10000' },
    protocols: { type: 'string', default: 'delta,sotw' },
    edits: { type: 'string', default: '20' },
    streams: { type: 'string', default: '2000' },
    // Of each, in the rows about many streams.
    'streams-resources': { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '1' },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'weir-bench-fleet-'))
const shared = {
  folder,
  reference: await goControlPlane(),
  envoys: Number(values.envoys),
}
const sizes = values.resources.split(',').map(Number)
const protocols = values.protocols.split(',') as Protocol[]
const largest = Math.max(...sizes)
const wanted = new Set(values.rows.split(','))
const rows: (readonly string[])[] = []

if (wanted.has('joins')) {
  for (const size of sizes) {
    for (const protocol of protocols) rows.push(...(await measureJoins({ ...shared, size, protocol })))
  }
}
if (wanted.has('edits')) {
  for (const protocol of protocols) {
    rows.push(...(await measureEdits({ ...shared, size: largest, protocol, edits: Number(values.edits) })))
  }
}
if (wanted.has('bytes')) rows.push(...(await measureStreamBytes({ ...shared, size: largest })))
if (wanted.has('streams')) {
  rows.push(
    ...(await measureStreams({
      streams: Number(values.streams),
      size: Number(values['streams-resources']),
      minutes: Number(values.minutes),
    })),
  )
}
rmSync(folder, { recursive: true })

print('')
head('what', 'weir', 'go-control-plane', 'ratio', 'goal')
for (const cells of rows) row(...cells)
