import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { takeDown } from '../../src/local/down.ts'
import { removePostgresData } from '../../src/local/postgres.ts'
import { isAlive } from '../../src/local/process-identity.ts'
import { readRecord } from '../../src/local/run-record.ts'
import { valkeyProgram } from '../../src/local/valkey-binary.ts'
import { binaryOf } from '../support/binary.ts'
import { countingTogether } from '../support/counting-together.ts'
import { until } from '../support/until.ts'
import { startWeir } from '../support/weir.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'weir-replicas-'))
const environment = {
  WEIR_REPLICAS: '2',
  WEIR_ENVOY: 'off',
  WEIR_CONFIG: '',
  VALKEY_BIN: binaryOf(valkeyProgram),
}
const start = () => startWeir({ command: 'up', dataDir, environment })

after(async () => {
  await takeDown(dataDir)
  removePostgresData(dataDir)
  rmSync(dataDir, { recursive: true, force: true })
})

test('`weir up` with two replicas: adopted after a crash, restarted when one ends, and none is left', async () => {
  let weir = await start()
  await countingTogether(weir, 2)
  const children = ['postgres', 'replica-2', 'valkey'].map((name) => readRecord(dataDir, name)!)
  await weir.end('SIGKILL')
  assert.deepEqual(children.map(isAlive), [true, true, true])

  weir = await start()
  assert.equal(readRecord(dataDir, 'replica-2')?.pid, children[1]!.pid)
  assert.equal(readRecord(dataDir, 'valkey')?.pid, children[2]!.pid)
  await countingTogether(weir, 2)

  process.kill(children[1]!.pid, 'SIGKILL')
  await until(
    'its successor',
    () => (readRecord(dataDir, 'replica-2')?.pid ?? children[1]!.pid) !== children[1]!.pid,
  )
  await countingTogether(weir, 2)

  assert.equal(await weir.end(), 0)
  assert.deepEqual(readdirSync(join(dataDir, 'run')), [])
  assert.deepEqual(children.map(isAlive), [false, false, false])
})
