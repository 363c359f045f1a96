import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Circuit } from '../../src/ratelimit/stores/resilient/circuit.ts'
import { type FailureKind, failureKind, isCertain } from '../../src/ratelimit/stores/resilient/failure.ts'

const kinds: FailureKind[] = [
  'timeout',
  'closed',
  'busy',
  'loading',
  'readonly',
  'oom',
  'moved',
  'down',
  'other',
]
const options = { firstProbeMs: 100, longestProbeMs: 1_000, calmMs: 5_000 }

/** A circuit at the store since 0 ms. */
function atStore(): Circuit {
  const circuit = new Circuit(0, options)
  circuit.probeAnswered(0)
  circuit.joined(0)
  return circuit
}

const happening = fc.oneof(
  fc.record({ kind: fc.constant('answered' as const), took: fc.nat(20) }),
  fc.record({ kind: fc.constant('failed' as const), took: fc.nat(20), why: fc.constantFrom(...kinds) }),
  fc.record({ kind: fc.constant('probe' as const), why: fc.constantFrom(...kinds, undefined) }),
  fc.record({ kind: fc.constant('joined' as const) }),
)

describe('the circuit', () => {
  test('whatever happens: asked again only after a probe, decides alone only after joining, probes at bounded intervals', () => {
    const property = fc.property(
      fc.array(fc.tuple(fc.nat(400), happening), { maxLength: 200, size: 'max' }),
      (all) => {
        const circuit = new Circuit(0, options)
        let now = 0
        for (const [passed, each] of all) {
          now += passed
          const before = circuit.rung
          switch (each.kind) {
            case 'answered':
              circuit.answered(now - each.took, now)
              assert.equal(circuit.rung, before)
              break
            case 'failed': {
              const opened = circuit.failed(each.why, now - each.took, now)
              assert.equal(opened, before !== 'away' && circuit.rung === 'away')
              assert.ok(opened || circuit.rung === before)
              break
            }
            case 'probe':
              if (before !== 'away' || now < circuit.probeAt) break
              if (each.why === undefined) circuit.probeAnswered(now)
              else circuit.probeFailed(each.why, now)
              assert.equal(circuit.rung, each.why === undefined ? 'joining' : 'away')
              break
            case 'joined':
              circuit.joined(now)
              assert.equal(circuit.rung, before === 'joining' ? 'store' : before)
          }
          if (circuit.rung !== before) assert.equal(circuit.since, now)
          if (circuit.rung === 'away') assert.ok(circuit.probeAt <= now + options.longestProbeMs)
        }
      },
    )
    fc.assert(property, { numRuns: 500 })
  })

  test('opens at once by what the next call would get as well, and by silence', () => {
    for (const kind of kinds.filter(isCertain)) assert.ok(atStore().failed(kind, 10, 11), kind)
    const silent = atStore()
    silent.answered(1, 2)
    assert.ok(silent.failed('timeout', 10, 20))
    assert.equal(silent.reason, 'timeout')
  })

  test('a slow call among answered ones opens nothing, half of many do', () => {
    const circuit = atStore()
    for (let index = 0; index < 200; index++) {
      const sent = index * 10
      circuit.answered(sent + 1, sent + 2)
      circuit.answered(sent + 2, sent + 3)
      circuit.answered(sent + 3, sent + 4)
      assert.ok(!circuit.failed('timeout', sent, sent + 10))
    }
    let failures = 0
    for (let opened = false; !opened; failures++) {
      const sent = 10_000 + failures * 10
      circuit.answered(sent + 1, sent + 2)
      opened = circuit.failed('timeout', sent, sent + 10) || circuit.failed('other', sent, sent + 10)
      assert.ok(failures < 200)
    }
    assert.ok(failures > 8, `${failures}`)
  })

  test('a failure of before the recovery means nothing', () => {
    const circuit = atStore()
    assert.ok(circuit.failed('closed', 10, 11))
    assert.ok(!circuit.failed('closed', 10, 12))
    circuit.probeAnswered(120)
    assert.ok(!circuit.failed('closed', 10, 121))
    assert.equal(circuit.rung, 'joining')
  })

  test('probes come at growing intervals, and at short ones again after calm', () => {
    const circuit = atStore()
    circuit.failed('closed', 6_000, 6_000)
    assert.equal(circuit.probeAt, 6_100)
    const intervals: number[] = []
    for (let now = circuit.probeAt; intervals.length < 6; now = circuit.probeAt) {
      circuit.probeFailed('closed', now)
      intervals.push(circuit.probeAt - now)
    }
    assert.deepEqual(intervals, [200, 400, 800, 1_000, 1_000, 1_000])
    circuit.probeAnswered(20_000)
    circuit.failed('closed', 20_001, 20_001)
    assert.equal(circuit.probeAt, 21_001)
    circuit.probeAnswered(21_001)
    circuit.failed('closed', 30_000, 30_000)
    assert.equal(circuit.probeAt, 30_100)
  })
})

describe('kinds of failures', () => {
  const said: [string, FailureKind][] = [
    ['BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.', 'busy'],
    ['LOADING Valkey is loading the dataset in memory', 'loading'],
    ["READONLY You can't write against a read only replica. script: 1f, on @user_script:9.", 'readonly'],
    ["OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:9.", 'oom'],
    ['MISCONF Valkey is configured to save RDB snapshots', 'oom'],
    ['MOVED 3999 127.0.0.1:6381', 'moved'],
    ['CLUSTERDOWN The cluster is down', 'down'],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'down'],
    ["NOPERM User weir has no permissions to run the 'evalsha' command", 'refused'],
    [
      "ERR ACL failure in script: User weir has no permissions to run the 'set' command script: on @user_script:1.",
      'refused',
    ],
    ['Connection is closed.', 'closed'],
    ["Stream isn't writeable and enableOfflineQueue options is false", 'closed'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'closed'],
    [
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option',
      'closed',
    ],
    ['the script decided otherwise', 'other'],
  ]
  for (const [message, kind] of said) {
    test(`${kind}: ${message.slice(0, 40)}`, () => assert.equal(failureKind(new Error(message)), kind))
  }
})
