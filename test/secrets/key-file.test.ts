import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { keyFileOf, readKeyFile, writeKeyFile } from '../../src/secrets/key-file.ts'
import { createKeyring } from '../../src/secrets/keyring.ts'
import { newKeyText, parseMasterKey } from '../../src/secrets/master-key.ts'

describe('the key file', () => {
  let folder: string
  let file: string
  const keyring = (given?: string) =>
    createKeyring({ given: given === undefined ? undefined : parseMasterKey(given), previous: [], file })
  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/weir-keys-`)
    file = keyFileOf(folder)
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('is made when a key is wanted, and the same key is there at the next start', () => {
    const { id } = keyring().preferred()
    assert.equal(keyring().preferred().id, id)
    assert.deepEqual(keyring().ids(), [id])
    assert.deepEqual(readdirSync(folder), ['secret.key'], 'no draft is left')
  })

  test('only its owner may read it, whatever the umask, and it is made so again', () => {
    const before = process.umask(0)
    try {
      keyring().preferred()
    } finally {
      process.umask(before)
    }
    assert.equal(statSync(file).mode & 0o777, 0o600)
    chmodSync(file, 0o644)
    readKeyFile(file)
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  test('is not made where the operator sets a key', () => {
    keyring(newKeyText()).preferred()
    assert.ok(!existsSync(file))
  })

  for (const [what, text] of [
    ['empty', ''],
    ['cut', `${newKeyText().slice(0, 20)}\n`],
  ] as const) {
    test(`that is ${what} is refused and left as it is`, () => {
      writeFileSync(file, text)
      assert.throws(() => keyring().preferred(), {
        code: 'startup',
        message: /secret\.key does not hold keys/,
      })
      assert.equal(readFileSync(file, 'utf8'), text)
    })
  }

  test('a renewed key comes first, the one before stays until it is forgotten', () => {
    const ring = keyring()
    const first = ring.preferred().id
    const second = ring.renew()!.id
    assert.deepEqual(keyring().ids(), [second, first])
    ring.keepOnly(second)
    assert.deepEqual(ring.ids(), [second])
    assert.deepEqual(keyring().ids(), [second])
    ring.keepOnly('another')
    assert.deepEqual(keyring().ids(), [second], 'never left without a key')
  })

  test('what an interrupted writing left is no key file', () => {
    writeFileSync(`${file}.new`, 'half')
    writeKeyFile(file, [newKeyText()])
    assert.equal(readKeyFile(file).length, 1)
    assert.deepEqual(readdirSync(folder), ['secret.key'])
  })
})
