import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { projectRoot } from '../../src/project-root.ts'
import { weir } from '../support/run-weir.ts'

const file = join(projectRoot, 'deploy', 'envoy', 'edge.yaml')

test('deploy/envoy/edge.yaml is what `weir envoy bootstrap` prints (else: npm run golden)', async () => {
  const options = ['--gateway', 'edge', '--id', 'edge', '--xds', 'weir:18000', '--admin-port', '9901']
  const { code, stdout, stderr } = await weir(['envoy', 'bootstrap', ...options])
  assert.equal(code, 0, stderr)
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, stdout)
  assert.equal(readFileSync(file, 'utf8'), stdout)
})
