// `npm start`: sets up what is missing, runs `weir up`, and ends with its exit code. It never restarts it.
import { join } from 'node:path'
import { ensureInstalled, launcher, root } from './setup.mjs'
import { run } from './spawn.mjs'

await launcher(async () => {
  const node = await ensureInstalled()
  const args = [join(root, 'bin', 'weir'), 'up', ...process.argv.slice(2)]
  const { code } = await run(node, args, { env: { ...process.env, WEIR_NPM_START: '1' } })
  return code
})
