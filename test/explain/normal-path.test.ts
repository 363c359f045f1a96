import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { normalPath } from '../../src/explain/normal-path.ts'

/** What Envoy 1.40 passed on for each of these. */
const normal: Readonly<Record<string, string>> = {
  '/': '/',
  '/a?b=//c/../d\\%41': '/a?b=//c/../d\\%41',
  '/a?': '/a?',
  '//': '//',
  '///': '//',
  '/\\': '//',
  '//.': '//',
  '/.//': '//',
  '/a/..//': '//',
  '//..': '/',
  '/..': '/',
  '/./': '/',
  '/%2e': '/',
  '/a/..': '/',
  '/a/.': '/a/',
  '/a//..': '/a/',
  '/a//../': '/a/',
  '/a/...': '/a/...',
  '/a//b': '/a/b',
  '//a': '/a',
  '//../a': '/a',
  '/..//a': '/a',
  '/a\\b': '/a/b',
  '/a/../b': '/b',
  '/a/%2e%2E/b': '/b',
  '/a/./../../b//': '/b/',
  '/x%61%5A%30%2D%5f%7E': '/xaZ0-_~',
  '/x%20%25%3b%c3%A4': '/x%20%25%3b%c3%A4',
  '/x%zz%4': '/x%zz%4',
  '/x"<>^`{|}': '/x%22%3C%3E%5E%60%7B%7C%7D',
  "/!$&'()*+,-.:;=@[]_~": "/!$&'()*+,-.:;=@[]_~",
}

describe('the normal form of a path', () => {
  test('is what Envoy makes of it', () => {
    for (const [written, path] of Object.entries(normal))
      assert.deepEqual(normalPath(written), { kind: 'normal', path }, written)
  })

  test('what is normal stays', () => {
    for (const path of Object.values(normal)) assert.deepEqual(normalPath(path), { kind: 'normal', path })
  })

  test('an escaped slash is redirected, in the query it is none', () => {
    for (const path of ['/a%2Fb', '/a%2f', '/a%5Cb?x', '/%2e%2f'])
      assert.deepEqual(normalPath(path), { kind: 'redirect' })
    assert.deepEqual(normalPath('/a?x=%2f%5c%00'), { kind: 'normal', path: '/a?x=%2f%5c%00' })
  })

  test('a fragment and an escaped NUL are refused', () => {
    for (const path of ['/a#b', '/a?b#c', '/a%00'])
      assert.deepEqual(normalPath(path), { kind: 'refused' }, path)
  })
})
