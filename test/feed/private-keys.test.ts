import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrivateKeys } from '../../src/feed/private-keys.ts'
import { SecretText } from '../../src/model/secret-text.ts'
import type { Event } from '../../src/observe.ts'
import { selfSigned } from '../support/certificate.ts'
import { secretsOf, stateOf } from '../support/state-of.ts'

const pair = (name: string, more = selfSigned(name)) => ({ kind: 'Certificate', name, spec: { pem: more } })
const documents = [
  {
    kind: 'Gateway',
    name: 'edge',
    spec: {
      listeners: [{ name: 'https', port: 1, protocol: 'https', tls: { certificates: ['served', 'ca'] } }],
    },
  },
  {
    kind: 'Cluster',
    name: 'a',
    spec: { endpoints: [], tls: { sni: 'a.example', ca: 'ca', clientCertificate: 'presented' } },
  },
  ...['served', 'presented', 'unused'].map((name) => pair(name)),
  { kind: 'Certificate', name: 'ca', spec: { pem: { certificate: selfSigned('ca').certificate } } },
]

test('private keys that are used are read once, in one query; others never, and forgotten ones anew', async () => {
  const stored = secretsOf(documents)
  const asked: string[][] = []
  const events: Event[] = []
  const keysOf = createPrivateKeys({
    read: async (ids) => {
      asked.push([...ids])
      return new Map(ids.flatMap((id) => (stored.has(id) ? [[id, stored.get(id)!] as const] : [])))
    },
    observe: (event) => events.push(event),
  })
  const first = await keysOf([stateOf(documents)!])
  assert.deepEqual([asked.length, asked[0]?.length, first.size], [1, 2, 2])
  assert.ok([...first.values()].every((text) => text instanceof SecretText))
  assert.equal(await keysOf([stateOf(documents)!]), first, 'nothing is new')
  assert.equal(asked.length, 1)

  const rotated = documents.with(2, pair('served'))
  for (const [id, text] of secretsOf(rotated)) stored.set(id, text)
  assert.equal((await keysOf([stateOf(rotated)!])).size, 2)
  assert.deepEqual(
    asked.map(({ length }) => length),
    [2, 1],
  )
  await keysOf([stateOf(documents)!])
  assert.equal(asked.length, 3, 'the key from before was forgotten')
  assert.deepEqual(events, [])
})

test('a key that cannot be opened is told, and the others are there', async () => {
  const stored = secretsOf(documents)
  const [lost] = secretsOf([documents[2]!]).keys()
  stored.delete(lost!)
  const events: Event[] = []
  const keysOf = createPrivateKeys({
    read: async (ids) => new Map([...stored].filter(([id]) => ids.includes(id))),
    observe: (event) => events.push(event),
  })
  assert.equal((await keysOf([stateOf(documents)!])).size, 1)
  assert.deepEqual(events, [{ event: 'secret_unreadable', secret: lost }])
})
