import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readPath } from '../../src/files/read.ts'
import { fileProblemLine } from '../../src/files/source.ts'
import { kinds } from '../../src/policies/index.ts'
import { readConfig } from '../../src/startup/config-files.ts'
import { startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { selfSigned } from '../support/certificate.ts'
import { weir } from '../support/run-weir.ts'

const { certificate, privateKey } = selfSigned('shop.example')

describe('documents in files', () => {
  let admin: TestAdmin
  let folder: string
  const run = (args: string[], stdin?: string) =>
    weir(args, {
      environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token },
      ...(stdin === undefined ? {} : { stdin }),
    })
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return path
  }
  const cluster = (name: string) => `kind: Cluster\nname: ${name}\nspec: { endpoints: [] }\n`
  before(async () => {
    admin = await startAdmin()
    folder = mkdtempSync(join(tmpdir(), 'weir-files-'))
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await admin.close()
  })

  test('several -f, and folders with theirs by name; hidden names and linked folders are left out', async () => {
    file('tree/b.yaml', cluster('b'))
    file('tree/a/inner.json', JSON.stringify({ kind: 'Cluster', name: 'inner', spec: { endpoints: [] } }))
    file('tree/c.yml', cluster('c'))
    file('tree/.hidden/x.yaml', cluster('hidden'))
    file('tree/notes.txt', 'none')
    symlinkSync(join(folder, 'tree', 'a'), join(folder, 'tree', 'linked'))
    const alone = file('alone.yaml', cluster('alone'))
    const { code, stdout, stderr } = await run(['apply', '-f', alone, '-f', join(folder, 'tree')])
    assert.equal(code, 0, stderr)
    assert.deepEqual(
      stdout
        .split('\n')
        .filter((line) => line.includes('/'))
        .map((line) => line.split('/')[1]),
      ['alone', 'inner', 'b', 'c'],
    )
  })

  test('*File fields are sent inline, and nothing of a key is printed', async () => {
    file('pki/shop.pem', certificate)
    file('pki/keys/shop.key', privateKey)
    file('pki/api.key', 'a-key-in-a-file\n')
    const documents = file(
      'pki/documents.yaml',
      'kind: Certificate\nname: shop\nspec: { pem: { certificateFile: shop.pem, privateKeyFile: keys/shop.key } }\n' +
        '---\nkind: Consumer\nname: acme\nspec: { apiKeys: [{ id: main, valueFile: api.key }] }\n',
    )
    const { documents: read } = readPath(documents, kinds)
    assert.deepEqual(
      read.map(({ value }) => (value as { spec: unknown }).spec),
      [{ pem: { certificate, privateKey } }, { apiKeys: [{ id: 'main', value: 'a-key-in-a-file' }] }],
    )
    for (const args of [['apply', '--dry-run'], ['diff'], ['apply', '-o', 'json'], ['diff'], ['apply']]) {
      const { code, stdout, stderr } = await run([...args, '-f', documents])
      assert.ok(code === 0 || code === 3, stderr)
      assert.doesNotMatch(stdout + stderr, /a-key-in-a-file/)
      for (const line of privateKey.split('\n').slice(1, -2)) assert.ok(!(stdout + stderr).includes(line))
    }
    const again = await run(['apply', '-f', documents])
    assert.match(again.stdout, /^unchanged {2}Certificate\/shop\nunchanged {2}Consumer\/acme\n/)
    const { body } = await admin.call('GET', '/v1/certificates/shop')
    assert.equal(body.spec.pem.certificate, certificate)
  })

  test('a file that lies elsewhere, is none, too large, or stands beside its text: the place of the field', async () => {
    const outside = file('outside.pem', certificate)
    file('inside/large.pem', 'x'.repeat(2_000_000))
    file('inside/latin1.pem', '')
    writeFileSync(join(folder, 'inside', 'latin1.pem'), new Uint8Array([0x61, 0xe4, 0x62]))
    symlinkSync(outside, join(folder, 'inside', 'link.pem'))
    mkdirSync(join(folder, 'inside', 'folder.pem'))
    const cases: [string, RegExp][] = [
      ['../outside.pem', /lies outside of the document's folder/],
      ['link.pem', /lies outside of the document's folder/],
      [outside, /is no relative path/],
      ['missing.pem', /cannot be read \(ENOENT\)/],
      ['folder.pem', /is no regular file/],
      ['large.pem', /is larger than 1048576 bytes/],
      ['latin1.pem', /is not UTF-8 text/],
    ]
    for (const [path, reason] of cases) {
      const text = `kind: Certificate\nname: ca\nspec:\n  pem:\n    certificateFile: ${path}\n`
      const documents = file('inside/documents.yaml', text)
      const { problems } = readPath(documents, kinds)
      assert.equal(problems.length, 1, path)
      const line = fileProblemLine(problems[0]!)
      assert.ok(line.startsWith(`${documents}:5:5: /spec/pem/certificateFile: `), line)
      assert.match(line, reason)
    }
    const refused = await run(['apply', '-f', join(folder, 'inside', 'documents.yaml')])
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.match(refused.stderr, /^weir: .*documents\.yaml:5:5: /)
    const both = file(
      'inside/both.yaml',
      'kind: Certificate\nname: ca\nspec: { pem: { certificate: x, certificateFile: a } }\n',
    )
    assert.match((await run(['apply', '-f', both])).stderr, /"certificate" is given, too/)
  })

  test('a document of standard input names no files, and over HTTP they are refused', async () => {
    const text = 'kind: Certificate\nname: ca\nspec: { pem: { certificateFile: a.pem } }\n'
    const { code, stderr } = await run(['apply', '-f', '-'], text)
    assert.equal(code, 1)
    assert.match(stderr, /^weir: <stdin>:3:16: .*standard input has no folder/)
    const { status, body } = await admin.call('POST', '/v1/apply', text)
    assert.equal(status, 422)
    assert.ok(body.errors.some(({ pointer }: { pointer: string }) => pointer === '/spec/pem/certificateFile'))
  })

  test('what the server says of a text from a file stands where the file is named', async () => {
    file('wrong/ca.pem', privateKey)
    const documents = file(
      'wrong/documents.yaml',
      '# first\n\nkind: Certificate\nname: ca\nspec:\n  pem:\n    certificateFile: ca.pem\n',
    )
    const { code, stderr } = await run(['apply', '-f', documents])
    assert.equal(code, 1)
    assert.ok(
      stderr.startsWith(
        `weir: ${documents}:7:5: document 0 (Certificate/ca, line 3): /spec/pem/certificate: "certificate" holds a PRIVATE KEY`,
      ),
      stderr,
    )
    assert.doesNotMatch(stderr, /c2VjcmV0/)
  })

  test('places of fields in JSON, in lists, behind anchors, and of what is missing', async () => {
    const json = file(
      'places/list.json',
      '[\n  {"kind": "Cluster", "name": "a", "spec": {"endpoints": []}},\n  {"kind": "Cluster", "name": "b",\n   "spec": {"endpoints": [], "connectTimeout": "9"}}\n]\n',
    )
    const yaml = file(
      'places/anchors.yaml',
      'kind: Cluster\nname: c\nspec:\n  endpoints:\n    - &one { address: 127.0.0.1, port: 1 }\n    - { address: 127.0.0.1 }\n',
    )
    const { stderr } = await run(['apply', '-f', join(folder, 'places')])
    const lines = stderr.trimEnd().split('\n')
    assert.equal(lines.length, 2, stderr)
    assert.ok(
      lines.some((line) => line.startsWith(`weir: ${json}:4:30: document 1 (Cluster/b, line 3): `)),
      stderr,
    )
    assert.ok(
      lines.some((line) => line.startsWith(`weir: ${yaml}:6:7: document 0 (Cluster/c, line 1): `)),
      stderr,
    )
  })

  test('WEIR_CONFIG reads the same files, and says the place on one line', () => {
    const documents = join(folder, 'pki', 'documents.yaml')
    const { edits } = readConfig(documents, kinds)
    assert.equal(edits.length, 2)
    const wrong = file(
      'config/bad.yaml',
      `${cluster('fine')}---\nkind: Cluster\nname: bad\nspec: { endpoint: [] }\n`,
    )
    assert.throws(
      () => readConfig(join(folder, 'config'), kinds),
      ({ message }: Error) =>
        message.startsWith(`${wrong}:7:9 was refused: /spec/endpoint`) && !message.includes('\n'),
    )
    const outside = file(
      'config/bad.yaml',
      'kind: Certificate\nname: ca\nspec: { pem: { certificateFile: ../outside.pem } }\n',
    )
    assert.throws(
      () => readConfig(outside, kinds),
      ({ message }: Error) => message.startsWith(`WEIR_CONFIG: ${outside}:3:16: /spec/pem/certificateFile: `),
    )
  })

  test('PEM is sent as the file has it', () => {
    const { documents } = readPath(join(folder, 'pki', 'documents.yaml'), kinds)
    const { spec } = documents[0]!.value as { spec: { pem: { privateKey: string } } }
    assert.equal(spec.pem.privateKey, readFileSync(join(folder, 'pki', 'keys', 'shop.key'), 'utf8'))
  })
})
