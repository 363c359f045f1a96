import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { DeliverQuestion } from '../../src/admin/context.ts'
import { createEventLog } from '../../src/control/event-log.ts'
import type { FleetEvent } from '../../src/model/fleet-event.ts'
import type { EnvoyReceipt, Receipt } from '../../src/model/receipt.ts'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { type RunOptions, weir } from '../support/run-weir.ts'
import { atTerminal, type TerminalOptions } from '../support/terminal.ts'

const envoy = { gateway: 'edge', id: 'edge-1', peer: '127.0.0.1:5' }
const receipt = (state: EnvoyReceipt['state']): Receipt => ({
  state: state === 'acked' ? 'acked' : 'pending',
  envoys: [{ ...envoy, state }],
  replicas: [],
})

describe('a wait for the fleet', () => {
  let admin: TestAdmin
  let folder: string
  let file: string
  let edits = 0
  const log = createEventLog()
  const at = '2026-01-01T00:00:00.000Z'
  /** What the fleet does once somebody waits and is ready to see it. */
  let whenSeen: (revision: number) => void
  let answer: PromiseWithResolvers<Receipt>
  before(async () => {
    let waitsFor = 0
    const deliver = ({ timeoutMs, revision }: DeliverQuestion) => {
      if (timeoutMs > 0) waitsFor = revision
      if (timeoutMs > 0) return answer.promise
      // Asked while another waits: it is going to be drawn.
      if (waitsFor === revision) setImmediate(whenSeen, revision)
      return Promise.resolve(receipt('sent'))
    }
    admin = await startAdmin({ deliver, events: log })
    folder = mkdtempSync(join(tmpdir(), 'weir-cli-'))
    file = join(folder, 'sample.yaml')
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await admin.close()
  })

  const environment = (more: Record<string, string> = {}) => {
    return { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token, ...more }
  }
  /** A change that is new. */
  function args(...more: string[]): string[] {
    answer = Promise.withResolvers<Receipt>()
    writeFileSync(file, sample.replace('9001', String(9_100 + ++edits)))
    return ['apply', '-f', file, '--wait', '--timeout', '60s', ...more]
  }
  const piped = (given: string[], options: RunOptions = {}) =>
    weir(given, { ...options, environment: environment() })
  const shown = (given: string[], { environment: more, ...options }: TerminalOptions) =>
    atTerminal(['weir', ...given], { ...options, environment: environment(more) })
  const happens = (event: object) => log.append({ at, ...envoy, ...event } as FleetEvent)

  test('at a terminal a table changes in place, and is gone at the end', async () => {
    whenSeen = (revision) => {
      happens({ type: 'warming', revision, clusters: ['pay'] })
      setTimeout(() => answer.resolve(receipt('acked')), 1_000)
    }
    const { code, shown: text } = await shown(args(), { environment: { NO_COLOR: '1' } })
    assert.equal(code, 0, text)
    const revision = await admin.revision()
    assert.match(text, new RegExp(`revision ${revision}: 0 of 1 Envoy has it \\(\\d+\\.\\d s\\)`))
    assert.match(text, /edge\/edge-1 {2}warming {2}cluster pay/)
    const [, last] = text.split(/\p{Cc}\[J/u).map((part) => part.replaceAll('\r\n', '\n'))
    assert.match(last!, new RegExp(`Route/echo\nrevision ${revision}, acknowledged by 1 Envoy\n$`))
  })

  test('Ctrl-C at a terminal: 130, the table is gone, and it is said what is written', async () => {
    whenSeen = (revision) => happens({ type: 'warming', revision, clusters: ['pay'] })
    const steps = [{ await: 'cluster pay', send: '\u0003' }]
    const { code, shown: text } = await shown(args(), { environment: { NO_COLOR: '1' }, steps })
    answer.resolve(receipt('acked'))
    assert.equal(code, 130, text)
    const revision = await admin.revision()
    const line = `revision ${revision} is written; \`weir delivery ${revision}\` says how far it is.`
    assert.ok(text.endsWith(`\u001b[Jweir: ${line}\r\n`), text)
  })

  test('in a pipe it is a line; what is printed at the end is the same', async () => {
    whenSeen = () => setTimeout(() => answer.resolve(receipt('acked')), 500)
    const { code, stdout, stderr } = await piped(args())
    assert.equal(code, 0, stderr)
    const revision = await admin.revision()
    assert.equal(stderr, `weir: revision ${revision}: 0 of 1 Envoy has it; edge/edge-1: sent\n`)
    assert.match(stdout, new RegExp(`\nrevision ${revision}, acknowledged by 1 Envoy\n$`))
  })

  test('-o json: the final answer, and nothing else', async () => {
    const given = args('-o', 'json')
    answer.resolve(receipt('acked'))
    const { code, stdout, stderr } = await piped(given)
    assert.deepEqual([code, stderr], [0, ''])
    const { revision, delivery, changes } = JSON.parse(stdout)
    assert.deepEqual([revision, delivery], [await admin.revision(), receipt('acked')])
    assert.equal(changes.length, 4)
  })
})

describe('weir events and weir delivery', () => {
  let admin: TestAdmin
  const log = createEventLog()
  before(async () => {
    const nacks = [
      { type: 'route', resource: 'edge/http', error: 'bad', rows: [{ kind: 'Route', name: 'shop' }] },
    ]
    const envoys: EnvoyReceipt[] = [
      { ...envoy, state: 'acked', sentAt: '2026-01-01T00:00:01.000Z', ackedAt: '2026-01-01T00:00:02.000Z' },
      { ...envoy, id: 'edge-2', state: 'nacked', nackedAt: '2026-01-01T00:00:03.000Z', nacks },
    ]
    admin = await startAdmin({
      deliver: async () => ({ state: 'nacked', envoys, replicas: [] }),
      events: log,
    })
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())
  const run = (given: string[], options: RunOptions = {}) =>
    weir(given, { ...options, environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token } })

  test('delivery 0: a table of the newest revision, or of one; 1: of none that there is', async () => {
    for (const more of [[], ['1']]) {
      const { code, stdout } = await run(['delivery', ...more])
      assert.equal(code, 0)
      const [head, ...rows] = stdout.trimEnd().split('\n')
      assert.match(head!, /^GATEWAY +ID +STATE +SENT +SINCE +DETAIL$/)
      assert.deepEqual(rows, [
        'edge     edge-1  acked   2026-01-01T00:00:01.000Z  2026-01-01T00:00:02.000Z  -',
        'edge     edge-2  nacked  -                         2026-01-01T00:00:03.000Z  route edge/http',
        'revision 1: 1 of 2 Envoys have it, 1 refuses a part',
        'edge/edge-2: route edge/http (from Route/shop): bad',
      ])
    }
    assert.equal(JSON.parse((await run(['delivery', '-o', 'json'])).stdout).envoys[1].id, 'edge-2')
    const none = await run(['delivery', '77'])
    assert.equal(none.code, 1)
    assert.match(none.stderr, /There is no revision 77/)
    assert.equal((await run(['delivery', 'x'])).code, 2)
  })

  test('events: a line each, of those that are asked for, until Ctrl-C; 1 for a type that there is not', async () => {
    const at = '2026-01-01T00:00:00.000Z'
    // The command does not say when it listens, so this happens until it has printed something.
    const leave = setInterval(() => {
      log.append({ type: 'revision', at, revision: 1 })
      log.append({ type: 'acked', at, ...envoy, revision: 1 })
    }, 100)
    const { code, stdout } = await eventsUntilFirst(admin)
    clearInterval(leave)
    assert.equal(code, 130)
    const [line, ...others] = stdout.trimEnd().split('\n')
    assert.equal(line, `${at}  acked          edge/edge-1  revision 1`)
    for (const other of others) assert.equal(other, line)
    const wrong = await run(['events', '--types', 'ackd'])
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /no events of the type "ackd"/)
  })
})

/** Ends it by Ctrl-C once it has printed something. */
async function eventsUntilFirst(admin: TestAdmin): Promise<{ code: number | null; stdout: string }> {
  const { code, shown } = await atTerminal(['weir', 'events', '--types', 'acked'], {
    environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token, NO_COLOR: '1' },
    columns: 200,
    steps: [{ await: 'revision 1', send: '\u0003' }],
  })
  return { code, stdout: shown.replaceAll('^C', '').replaceAll('\r\n', '\n') }
}
