import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { storefrontDocuments } from '../support/example.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { startWeir, type Weir } from '../support/weir.ts'

/** Requests tried for each operation beside those that cover its schema. */
const maxExamples = 10
const seeds = [1, 2, 3]
const maxMinutes = 8

/** Where `npm run test:peers` has installed the package. */
const packages = process.env.WEIR_TEST_SCHEMATHESIS!

describe('schemathesis, all checks, on what /docs/json promises', () => {
  let database: FreshDatabase
  let weir: Weir
  let folder: string
  before(async () => {
    database = await freshDatabase()
    weir = await startWeir({ environment: { DATABASE_URL: database.url } })
    await weir.apply(...storefrontDocuments())
    folder = mkdtempSync(join(tmpdir(), 'weir-peers-'))
  })
  after(async () => {
    await weir?.end()
    await database?.drop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  for (const seed of seeds) {
    test(`seed ${seed}: no server error, no undocumented answer`, {
      timeout: maxMinutes * 60_000,
    }, async (context) => {
      const { code, output } = await run(weir, folder, seed)
      context.diagnostic(
        output
          .split('\n')
          .findLast((line) => line.includes('generated'))
          ?.trim() ?? 'no summary',
      )
      assert.equal(code, 0, output.slice(-20_000))
      // It ends with 0 although a part of it died.
      assert.doesNotMatch(output, /Traceback/, output.slice(-20_000))
      const [, selected, tested] = /Selected: (\d+)\/\d+\s+Tested: (\d+)/.exec(output) ?? []
      assert.ok(tested !== undefined && tested === selected, output.slice(-2_000))
      assert.doesNotMatch(weir.output(), /"event":"failed"|"status":5\d\d/)
    })
  }
})

function run({ url, token }: Weir, folder: string, seed: number): Promise<{ code: number; output: string }> {
  const script = join(packages, 'bin', 'schemathesis')
  const args = [
    ...['--config-file', join(import.meta.dirname, 'schemathesis.toml'), 'run', `${url}/docs/json`],
    ...['--checks', 'all', '--seed', String(seed), '--max-examples', String(maxExamples)],
    ...['--header', `Authorization: Bearer ${token}`, '--generation-database', 'none', '--no-color'],
    '--continue-on-failure',
  ]
  const env = {
    ...process.env,
    PYTHONPATH: [packages, import.meta.dirname].join(delimiter),
    PYTHONDONTWRITEBYTECODE: '1',
    SCHEMATHESIS_HOOKS: 'schemathesis_hooks',
  }
  const options = { cwd: folder, env, maxBuffer: 256 * 1024 * 1024, timeout: maxMinutes * 60_000 }
  return new Promise((resolve) => {
    execFile('python3', [script, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, output: stdout + stderr })
    })
  })
}
