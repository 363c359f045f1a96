import { join } from 'node:path'
import { messageOf } from '../../src/errors.ts'
import { ensureEnvoy } from '../../src/local/envoy-binary.ts'
import type { Observe } from '../../src/observe.ts'

// Prints the path of an Envoy for the tests on standard output; the progress on standard error.
const observe: Observe = (event) => {
  if (event.event === 'step') process.stderr.write(`weir: ${event.step}: ${event.detail}\n`)
}
const dataDir = join(import.meta.dirname, '..', '..', '.weir')
try {
  const { path } = await ensureEnvoy({
    envoyBin: process.env.ENVOY_BIN,
    path: process.env.PATH,
    dataDir,
    observe,
  })
  process.stdout.write(`${path}\n`)
} catch (error) {
  process.stderr.write(`weir: ${messageOf(error)}\n`)
  process.exitCode = 1
}
