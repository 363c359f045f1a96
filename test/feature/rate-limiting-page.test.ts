import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { cluster, type Edge, startEdge } from '../support/edge.ts'
import { createPageReader, runInShell, stepsOf } from '../support/page-examples.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

before(async () => {
  upstream = await startUpstream('echo')
  edge = await startEdge()
  const listeners = [{ name: 'http', port: edge.port, protocol: 'http' }]
  await edge.apply(
    // Every request is to be decided, however busy the machine is.
    { kind: 'Gateway', name: 'edge', spec: { listeners, rateLimitService: { timeout: '10s' } } },
    cluster('echo', upstream),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

test('docs/rate-limiting.md: every document is taken as told, every command prints what it shows', async () => {
  const page = await readFile(new URL('../../docs/rate-limiting.md', import.meta.url), 'utf8')
  const { weir, port } = edge
  const variables = {
    ...{ WEIR: weir.url, AUTH: `Authorization: Bearer ${weir.token}`, EDGE: `http://127.0.0.1:${port}` },
    ...{ WEIR_URL: weir.url, WEIR_ADMIN_TOKEN: weir.token },
  }
  const reader = createPageReader()
  const steps = stepsOf(page)
  assert.ok(steps.length >= 20)
  for (const step of steps) {
    if ('documents' in step) {
      const { body } = await weir.api('POST', '/v1/apply?wait=acked&timeout=30s', step.documents)
      // `none` where no route names the policy.
      assert.match(
        String(body.delivery?.state),
        /^(acked|none)$/,
        `${step.documents}\n${JSON.stringify(body)}`,
      )
      const told = body.warnings.map(({ message }: { message: string }) => message)
      assert.deepEqual(told, step.warnings, step.documents)
      continue
    }
    const output = await runInShell(reader.command(step.command), variables)
    const missing = reader.missing(step.shown, output)
    assert.equal(missing, undefined, `${step.command}\n${output}`)
  }
})

test('docs/rate-limiting.md: no request of its examples passed without a decision', async () => {
  const stats = Object.entries(await edge.envoy.stats('ratelimit'))
  const undecided = stats.filter(([name]) => /\.ratelimit\.(error|failure_mode_allowed)$/.test(name))
  assert.ok(stats.length > 0)
  assert.deepEqual(
    undecided.filter(([, count]) => count > 0),
    [],
  )
})
