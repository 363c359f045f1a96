// `npm run test:peers`: tests against other people's tools. It needs Python >= 3.10 with pip, and installs by it, into
// .weir/peers, what the tests ask for: schemathesis, which tries the REST API by its own OpenAPI document. Go, which it
// needs, too, brings compose-go there, which reads docker-compose.yml as Docker Compose does, and h2spec.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, launcher, root, SetupError } from './setup.mjs'
import { run, say } from './spawn.mjs'

const schemathesis = '4.32.5'

await launcher(async () => {
  const node = await ensureInstalled()
  const env = { ...process.env, WEIR_TEST_SCHEMATHESIS: await installed('schemathesis', schemathesis) }
  const options = ['--test', '--test-reporter=spec', '--test-global-setup=test/support/global-setup.ts']
  const { code } = await run(node, [...options, 'test/peers/*.peer.ts'], { cwd: root, env })
  return code
})

/** The folder of a Python package, installed there unless it is. @param {string} name @param {string} version */
async function installed(name, version) {
  const folder = join(root, '.weir', 'peers', `${name}-${version}`)
  if (fs.existsSync(folder)) return folder
  say(`weir: installing ${name} ${version} by pip ...`)
  const draft = `${folder}.${process.pid}`
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', draft]
  const { code, stderr } = await run('python3', [...args, `${name}==${version}`], {
    capture: true,
    stdout: 'ignore',
  }).catch((error) => ({ code: 1, stderr: String(error.message) }))
  if (code !== 0) {
    fs.rmSync(draft, { recursive: true, force: true })
    const reason = stderr.trim().split('\n').at(-1)?.slice(0, 300)
    throw new SetupError(
      `${name} ${version} cannot be installed (${reason}). Install Python 3.10 or newer with pip, and see that its registry is reachable.`,
    )
  }
  fs.renameSync(draft, folder)
  return folder
}
