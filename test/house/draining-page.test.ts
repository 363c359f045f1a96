import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { projectRoot } from '../../src/project-root.ts'

const page = readFileSync(join(projectRoot, 'docs/draining.md'), 'utf8')
const [deployment, compose, weir] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) =>
  parse(text!),
)
const seconds = (text: string) => Number(/^(\d+)s$/.exec(text)?.[1])

/** How long a stop of weir takes at most, by docs/operating.md. */
const stopSeconds = 15

test('the numbers of docs/draining.md fit together: balancers, then requests, then the end', () => {
  const { terminationGracePeriodSeconds, containers } = deployment.spec.template.spec
  const [{ lifecycle, ports, readinessProbe: probe }] = containers
  const [, script, admin, atMost, atLeast] = lifecycle.preStop.exec.command as string[]
  assert.ok(existsSync(join(projectRoot, 'deploy/envoy', script!.split('/').at(-1)!)))
  assert.ok(page.includes(`--admin-port ${admin}`))
  assert.ok(ports.some(({ containerPort }: { containerPort: number }) => containerPort === 19_001))
  assert.ok(probe.periodSeconds * probe.failureThreshold < Number(atLeast))
  assert.ok(Number(atLeast) < Number(atMost))
  assert.ok(Number(atMost) < terminationGracePeriodSeconds)

  const { environment, stop_grace_period, entrypoint } = compose.edge
  assert.ok(existsSync(join(projectRoot, 'deploy/envoy', entrypoint[1].split('/').at(-1))))
  assert.ok(Number(environment.ENVOY_DRAIN_AT_LEAST) < Number(environment.ENVOY_DRAIN_SECONDS))
  assert.ok(Number(environment.ENVOY_DRAIN_SECONDS) < seconds(stop_grace_period))

  const { terminationGracePeriodSeconds: grace, containers: own } = weir.template.spec
  assert.ok(seconds(own[0].env[0].value) < stopSeconds)
  assert.ok(stopSeconds < grace)
})
