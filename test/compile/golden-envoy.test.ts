import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runtime } from '../../src/bootstrap/bootstrap.ts'
import { staticBootstrap } from '../../src/compile/static-bootstrap.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { encode } from '../../src/envoy-api/protos.ts'
import { inClear } from '../../src/secrets/in-clear.ts'
import { createXdsServer } from '../../src/xds/server.ts'
import { envoyBinary, startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { goldenCases, outcome } from './golden-cases.ts'

const loadable = goldenCases().flatMap(({ title, input }) => {
  const result = outcome(input)
  if ('problems' in result) return []
  return [...result.gateways].map(([gateway, compiled]) => ({
    title: `${title}, gateway ${gateway}`,
    gateway,
    compiled,
  }))
})

/** Where keys are asked for, nobody answers here. */
const complaint = /^\[[^\]]*\]\[\d+\]\[(warning|error|critical)\](?!.*\bjwks_(async_)?fetcher\.cc).*/gm

describe('Envoy accepts every golden output without a warning, by --mode validate', () => {
  for (const { title, compiled } of loadable) {
    test(title, () => {
      const folder = mkdtempSync(join(tmpdir(), 'weir-golden-'))
      try {
        const file = join(folder, 'bootstrap.pb')
        writeFileSync(
          file,
          encode(
            'envoy.config.bootstrap.v3.Bootstrap',
            staticBootstrap(compiled.resources, inClear, runtime),
          ),
        )
        const args = ['--mode', 'validate', '-c', file, '--log-level', 'warning']
        const { status, stderr } = spawnSync(envoyBinary(), args, { encoding: 'utf8', timeout: 30_000 })
        assert.equal(status, 0, stderr)
        assert.deepEqual(stderr.match(complaint) ?? [], [])
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  }
})

describe('Envoy accepts every golden output without a warning, over xDS', () => {
  const xds = createXdsServer({ observe: () => undefined })
  let envoy: TestEnvoy
  let revision = 0

  before(async () => {
    xds.publish({ gateway: 'golden', revision, resources: new Map() })
    const { port } = await xds.listen('127.0.0.1:0')
    envoy = await startTestEnvoy({ gateway: 'golden', xdsPort: port })
  })

  after(async () => {
    await envoy?.stop()
    await xds.close(1_000)
  })

  for (const { title, compiled } of loadable) {
    test(title, async () => {
      const logged = envoy.log().length
      xds.publish({
        gateway: 'golden',
        revision: ++revision,
        resources: encodeResources(compiled.resources, inClear),
      })
      const question = { revision, gateways: ['golden'], expected: [{ gateway: 'golden', id: envoy.id }] }
      const delivery = await xds.fleet.whenDelivered(question, { timeoutMs: 20_000 })
      assert.equal(delivery.state, 'acked', JSON.stringify(delivery))
      assert.deepEqual(envoy.log().slice(logged).match(complaint) ?? [], [])
      const dumped = JSON.stringify(await envoy.configDump())
      for (const byName of compiled.resources.values()) {
        for (const name of byName.keys())
          assert.ok(dumped.includes(JSON.stringify(name)), `${name} is in force`)
      }
    })
  }

  test('a warning would be seen', () => {
    assert.match(`[2026-01-01 00:00:00.000][1][warning][config] [x.cc:1] text`, complaint)
  })
})
