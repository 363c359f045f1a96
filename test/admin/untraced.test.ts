import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'

let admin: TestAdmin
const untraced = [{ gateway: 'edge', error: 'no such thing' }]
before(async () => {
  const validate = async () => ({ state: 'untraced' as const, problems: [], untraced })
  admin = await startAdmin({ validate, validatesWrites: true })
})
after(() => admin.close())

/** Of what Envoy refuses; the sample has others. */
const told = (warnings: { kind: string; name: string; message: string }[]) =>
  warnings
    .filter(({ message }) => message.startsWith('Envoy refuses'))
    .map((each) => `${each.kind}/${each.name}`)

test('what Envoy refuses for no row is a warning of a dry run and of the write, which is made', async () => {
  const dry = await admin.call('POST', '/v1/apply?dryRun=true', sample)
  assert.equal(dry.status, 200, dry.text)
  assert.deepEqual(dry.body.validation, { state: 'untraced', problems: [], untraced })
  assert.deepEqual(told(dry.body.warnings), ['Gateway/edge'])
  const made = await admin.call('POST', '/v1/apply', sample)
  assert.deepEqual([made.status, made.body.revision], [200, 1], made.text)
  assert.deepEqual(told(made.body.warnings), ['Gateway/edge'])
})
