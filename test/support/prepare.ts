import { join } from 'node:path'
import { messageOf } from '../../src/errors.ts'
import { envoyProgram } from '../../src/local/envoy-binary.ts'
import { ensureProgram } from '../../src/local/program.ts'
import { valkeyProgram } from '../../src/local/valkey-binary.ts'
import type { Observe } from '../../src/observe.ts'

// Prints the paths of the programs that the tests need, by variable, as JSON on standard output; the progress on standard
// error.
const observe: Observe = (event) => {
  if (event.event === 'step') process.stderr.write(`weir: ${event.step}: ${event.detail}\n`)
}
const dataDir = join(import.meta.dirname, '..', '..', '.weir')
const paths: Record<string, string> = {}
try {
  for (const program of [envoyProgram, valkeyProgram]) {
    const given = process.env[program.variable]
    const { path } = await ensureProgram(program, { given, path: process.env.PATH, dataDir, observe })
    paths[program.variable] = path
  }
  process.stdout.write(`${JSON.stringify(paths)}\n`)
} catch (error) {
  process.stderr.write(`weir: ${messageOf(error)}\n`)
  process.exitCode = 1
}
