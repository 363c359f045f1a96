// `npm test`: sets up what is missing, then runs the tests, or those whose files are given.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ensureInstalled, launcher, root } from './setup.mjs'
import { run } from './spawn.mjs'

await launcher(async () => {
  const node = await ensureInstalled()
  // It prints its progress on standard error, and the paths of Envoy and Valkey on standard output.
  const prepared = await run(node, [join(root, 'test', 'support', 'prepare.ts')], {
    cwd: root,
    stdout: 'pipe',
  })
  if (prepared.code !== 0) return prepared.code
  const files = process.argv.slice(2)
  const options = [
    '--test',
    '--test-reporter=spec',
    '--test-global-setup=test/support/global-setup.ts',
    `--test-concurrency=${Math.min(4, Math.max(2, availableParallelism()))}`,
  ]
  const { code } = await run(node, [...options, ...(files.length > 0 ? files : ['test/**/*.test.ts'])], {
    cwd: root,
    env: { ...process.env, ...JSON.parse(prepared.stdout) },
  })
  return code
})
