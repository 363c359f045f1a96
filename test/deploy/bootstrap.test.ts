import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { projectRoot } from '../../src/project-root.ts'
import { weir } from '../support/run-weir.ts'

const ca = ['--xds-ca', '/etc/envoy/weir-ca.pem']
const joins = ['--gateway', 'edge', '--id', 'edge-1', '--xds', 'weir:18000']
const printed: Record<string, string[]> = {
  'deploy/envoy/edge.yaml': [
    ...['--gateway', 'edge', '--id', 'edge', '--xds', 'weir:18000', '--admin-port', '9901'],
  ],
  'envoy/edge.yaml': joins,
  'envoy/edge-tls.yaml': [...joins, ...ca],
  'envoy/edge-mtls.yaml': [
    ...[...joins, ...ca, '--xds-cert', '/etc/envoy/edge.pem', '--xds-key', '/etc/envoy/edge.key'],
    ...['--xds-secrets', '/etc/envoy/weir'],
  ],
  'envoy/edge-token.yaml': [...joins, ...ca, '--xds-token-file', '/etc/envoy/edge.token'],
}

for (const [name, options] of Object.entries(printed)) {
  test(`${name} is what \`weir envoy bootstrap\` prints (else: npm run golden)`, async () => {
    const { code, stdout, stderr } = await weir(['envoy', 'bootstrap', ...options])
    assert.equal(code, 0, stderr)
    const file = join(projectRoot, name)
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, stdout)
    assert.equal(readFileSync(file, 'utf8'), stdout)
  })
}
