import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { projectRoot } from '../../src/project-root.ts'
import { composeTexts } from '../support/compose/files.ts'
import { composeVariables } from '../support/compose/read.ts'

const text = composeTexts()['docker-compose.yml']
const cache = join(projectRoot, '.weir', 'peers', 'go')

describe('docker-compose.yml, as the loader of Docker Compose reads it', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-compose-'))
    const env = {
      ...process.env,
      GOPATH: cache,
      GOCACHE: join(cache, 'build'),
      GOFLAGS: '-modcacherw -buildvcs=false',
    }
    const cwd = join(import.meta.dirname, 'compose')
    const { status, error, stderr } = spawnSync('go', ['build', '-o', join(folder, 'load'), '.'], {
      cwd,
      env,
      encoding: 'utf8',
    })
    assert.equal(status, 0, `Go 1.24 or newer builds compose-go: ${error?.message ?? stderr}`)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  function load(
    compose: string,
    variables: Record<string, string>,
  ): { status: number | null; stderr: string } {
    writeFileSync(join(folder, 'docker-compose.yml'), compose)
    return spawnSync(join(folder, 'load'), [join(folder, 'docker-compose.yml')], {
      env: variables,
      encoding: 'utf8',
    })
  }

  test('it is a project', () => {
    const { status, stderr } = load(text, composeVariables)
    assert.equal(status, 0, stderr)
  })

  for (const name of Object.keys(composeVariables)) {
    test(`it stops without ${name}, and says so`, () => {
      const { [name as keyof typeof composeVariables]: _, ...others } = composeVariables
      const { status, stderr } = load(text, others)
      assert.equal(status, 1)
      assert.match(
        stderr,
        new RegExp(`required variable ${name} is missing a value: is not set, see docs/compose.md`),
      )
    })
  }

  const faults: [from: string, to: string, found: RegExp][] = [
    ['read_only: true', 'read_onli: true', /validating .*read_onli/],
    ['condition: service_healthy', 'condition: healthy', /condition/],
    ['echo: { condition', 'ecco: { condition', /depends on undefined service "ecco"/],
    ['networks: [services]', 'networks: [service]', /undefined network service/],
    ['weir-data:/var', 'data:/var', /undefined volume data/],
  ]
  for (const [from, to, problem] of faults) {
    test(`"${to}" is noticed`, () => {
      assert.ok(text.includes(from))
      const { status, stderr } = load(text.replace(from, to), composeVariables)
      assert.equal(status, 1)
      assert.match(stderr, problem)
    })
  }
})
