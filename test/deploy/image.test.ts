import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { projectRoot } from '../../src/project-root.ts'
import { type Container, runContainer } from '../support/container.ts'
import {
  copy,
  copyProductionModules,
  lastOf,
  makeReadOnly,
  readDockerfile,
  type Stage,
  stepsOf,
  valuesOf,
} from '../support/dockerfile.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'

const stages = readDockerfile()
const image = stages.at(-1)!
const words = (value: string | undefined): string[] => JSON.parse(value ?? '[]')

const read = (file: string) => readFileSync(join(projectRoot, file), 'utf8')

describe('the Dockerfile', () => {
  test('runs what CI runs to build weir', () => {
    const ci = read('.ci/run').split('\n')
    const steps = ci.filter((line) => line.startsWith('npm ') && !line.endsWith(' check'))
    assert.equal(steps.length, 2)
    assert.deepEqual(valuesOf(stages[0], 'RUN'), steps)
  })

  test('has the Node that package.json pins, in all stages', () => {
    const { node } = JSON.parse(read('package.json')).devDependencies
    assert.match(node, /^\d+\.\d+\.\d+$/)
    assert.deepEqual(
      stages.map((stage) => stage.image),
      stages.map(() => `node:${node}-trixie-slim`),
    )
  })

  test('runs as a user that is not root, with signals to weir itself', () => {
    assert.match(lastOf(image, 'USER')!, /^[1-9]\d*:[1-9]\d*$/)
    assert.deepEqual(words(lastOf(image, 'ENTRYPOINT')), ['node', 'bin/weir'])
    assert.deepEqual(words(lastOf(image, 'CMD')), ['serve'])
    assert.match(lastOf(image, 'HEALTHCHECK')!, /CMD \["node", "bin\/healthcheck\.mjs"\]$/)
  })

  test('keeps data in a volume that its user owns', () => {
    const [uid, gid] = lastOf(image, 'USER')!.split(':')
    const volume = lastOf(image, 'VOLUME')
    assert.ok(valuesOf(image, 'ENV').includes(`WEIR_DATA_DIR=${volume}`))
    assert.deepEqual(valuesOf(image, 'RUN'), [`install -d -m 0700 -o ${uid} -g ${gid} ${volume}`])
  })

  test('copies only what .dockerignore lets through', () => {
    const [everything, ...kept] = read('.dockerignore')
      .split('\n')
      .filter((line) => /^[^#]/.test(line))
    assert.equal(everything, '*')
    const copied = stages.flatMap(stepsOf).flatMap(({ copy }) => (copy && !copy.from ? copy.sources : []))
    const roots = new Set(copied.map((path) => `!${path.split('/')[0]}`))
    assert.deepEqual([...roots].sort(), kept.sort())
  })
})

/** As root the image's own user, else whoever runs the tests. */
const uid = process.getuid?.() === 0 ? Number(lastOf(image, 'USER')!.split(':')[0]) : undefined

describe('the image', () => {
  let folder: string
  let tree: string
  let node: string
  let database: FreshDatabase
  let weir: Container
  let port: number
  let environment: Record<string, string>

  before(async () => {
    database = await freshDatabase()
    folder = mkdtempSync(join(tmpdir(), 'weir-image-'))
    chmodSync(folder, 0o755)
    // Each stage copies from those before it.
    await Promise.all(stages.slice(0, -1).map(build))
    await build(image)
    tree = join(folder, 'image')
    // The clone may lie where that user cannot look.
    node = join(folder, 'node')
    copyFileSync(process.execPath, node)
    // Another user than root's cannot write what root has made.
    if (uid === undefined) makeReadOnly(tree)
    port = await freePort()
    const dataDir = join(folder, 'data')
    mkdirSync(dataDir, { mode: 0o700 })
    if (uid !== undefined) chownSync(dataDir, uid, uid)
    environment = {
      NODE_ENV: 'production',
      DATABASE_URL: database.url,
      WEIR_DATA_DIR: dataDir,
      WEIR_ADMIN_ADDR: `127.0.0.1:${port}`,
      WEIR_XDS_ADDR: `127.0.0.1:${await freePort()}`,
      WEIR_RLS_ADDR: `127.0.0.1:${await freePort()}`,
      WEIR_DRAIN_DELAY: '0s',
    }
  })
  after(async () => {
    await weir?.remove()
    await database?.drop()
    if (tree !== undefined) spawnSync('chmod', ['-R', 'u+w', tree])
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  /** The folder that a stage makes, by its own COPY lines; `npm ci` is done from the modules that are installed. */
  async function build(stage: Stage): Promise<void> {
    const place = join(folder, stage.name ?? 'image')
    mkdirSync(place)
    for (const { copy: copied, run } of stepsOf(stage)) {
      if (copied !== undefined) {
        const { from = '' } = copied
        copy(copied, { context: projectRoot, stage: join(folder, from), folder: place })
      } else if (run?.startsWith('npm ci') && run.endsWith('--omit=dev --omit=optional')) {
        copyProductionModules(place)
      } else if (run?.startsWith('npm ci')) {
        symlinkSync(join(projectRoot, 'node_modules'), join(place, 'node_modules'))
      } else if (run === 'npm run --silent build') {
        await promisify(execFile)(process.execPath, ['bin/build.mjs'], { cwd: place })
      } else {
        assert.match(run!, /^install -d /)
      }
    }
  }

  /** A command of the image, by its user in its tree. */
  function start(command: readonly string[]): Container {
    const [program, ...args] = command
    assert.equal(program, 'node')
    return runContainer({ command: [node, ...args], environment, cwd: tree, uid })
  }

  const entrypoint = words(lastOf(image, 'ENTRYPOINT'))
  const healthcheck = words(/\[.*\]$/.exec(lastOf(image, 'HEALTHCHECK')!)![0])

  test('serves from a tree that its user cannot write, with its production packages alone', async () => {
    weir = start([...entrypoint, ...words(lastOf(image, 'CMD'))])
    await until('weir is ready', () => {
      assert.ok(weir.running(), weir.log())
      return weir.log().includes('"msg":"ready"')
    })
    const health = start(healthcheck)
    assert.equal(await health.exited, 0, health.log())
    await health.remove()
    const docs = await fetch(`http://127.0.0.1:${port}/docs/json`)
    assert.equal(docs.status, 200)
  })

  test('has the other commands of weir, too', async () => {
    const cli = start([...entrypoint, 'get', 'gateways', '--output', 'json'])
    assert.equal(await cli.exited, 0, cli.log())
    await cli.remove()
  })

  test('ends with 0 on SIGTERM, and then its health check says so', async () => {
    weir.signal('SIGTERM')
    assert.equal(await weir.exited, 0, weir.log())
    const health = start(healthcheck)
    assert.equal(await health.exited, 1)
    assert.match(health.log(), /does not answer/)
    await health.remove()
  })

  test('has the echo service', async () => {
    const echo = start(['node', 'dist/src/local/echo-server.js', '127.0.0.1', String(port)])
    await until('it answers', () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
    echo.signal('SIGTERM')
    assert.equal(await echo.exited, 0)
    await echo.remove()
  })
})
