import assert from 'node:assert/strict'
import { test } from 'node:test'
import { regexProblem } from '../../src/model/regex.ts'

test('what Envoy’s RE2 takes is fine', () => {
  for (const regex of ['/orders/[0-9]+', '[^/]+', '\\x41\\x{7f}', '(a|b){3}', '(?i)abc', '\\d+\\.\\w']) {
    assert.equal(regexProblem(regex), undefined, regex)
  }
})

test('what it does not take, or would make every request pay for, is told', () => {
  const cases: [regex: string, says: RegExp][] = [
    ['(?=a)', /^is not an RE2 expression/],
    ['(a)\\1', /^is not an RE2 expression/],
    ['é', /^has é, and Envoy’s expressions are of ASCII/],
    ['\\x{10FFFF}', /^has \\x\{10FFFF\}, /],
    ['\\xe9', /^has \\xe9, /],
    ['((a{50}){50}){9}', /^is (too large an|not an RE2) expression/],
  ]
  for (const [regex, says] of cases) assert.match(regexProblem(regex) ?? 'nothing', says, regex)
})
