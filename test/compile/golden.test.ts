import assert from 'node:assert/strict'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { stringify } from 'yaml'
import type { Compiled } from '../../src/compile/compile.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { decode, encode } from '../../src/envoy-api/protos.ts'
import { SecretText } from '../../src/model/secret-text.ts'
import { projectRoot } from '../../src/project-root.ts'
import { inClear } from '../../src/secrets/in-clear.ts'
import { goldenCases, live, outcome } from './golden-cases.ts'

const update = process.env.UPDATE_GOLDEN === '1'

function plain(compiled: Compiled): object {
  const resources = [...compiled.resources].map(([type, byName]) => [
    type.slice(type.lastIndexOf('.') + 1),
    Object.fromEntries([...byName].map(([name, message]) => [name, message])),
  ])
  return { resources: Object.fromEntries(resources), problems: compiled.problems }
}

function shown(path: string): string {
  const result = outcome(path)
  const value =
    'problems' in result
      ? result
      : {
          gateways: Object.fromEntries(
            [...result.gateways].map(([name, compiled]) => [name, plain(compiled)]),
          ),
          limits: { ...result.limits, revision: undefined },
        }
  return stringify(shortened(value), { lineWidth: 110, aliasDuplicateObjects: false })
}

/** What each run makes anew. */
const madeTexts = new Map([
  [live.placeholder.certificate, '(placeholder)'],
  [live.placeholder.nobody, '(a CA that vouches for nobody)'],
  [live.roots, '(public roots)'],
])

/** Every listener has a mapper for each status: of so long a list its ends are shown. */
const longest = 100

function shortened(value: unknown): unknown {
  if (typeof value === 'string') return madeTexts.get(value) ?? value
  if (typeof value !== 'object' || value === null || value instanceof Map) return value
  if (value instanceof SecretText) return String(value)
  if (!Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shortened(item)]))
  }
  const items = value.map(shortened)
  if (items.length <= longest) return items
  return [...items.slice(0, 2), `... ${items.length - 3} more ...`, items.at(-1)]
}

describe('compile gives what the golden files say', () => {
  for (const { title, input, output } of goldenCases()) {
    test(title, () => {
      const actual = shown(input)
      if (update) {
        mkdirSync(dirname(output), { recursive: true })
        writeFileSync(output, actual)
      }
      assert.equal(actual, readFileSync(output, 'utf8'), 'run `npm run golden` if this change is meant')
    })
  }

  test('no output is left of a golden that is gone', () => {
    for (const output of globSync('src/**/golden/out/*.yaml', { cwd: projectRoot })) {
      const input = join(projectRoot, output.replace('/golden/out/', '/golden/in/'))
      if (update && !existsSync(input)) rmSync(join(projectRoot, output))
      assert.ok(update || existsSync(input), `${output} has no input`)
    }
  })
})

/** The paths of all leaves that a message sets, `Any`s left out: those are compared as their own messages. */
function leaves(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [path]
  return Object.entries(value).flatMap(([key, item]) => {
    const isAny = typeof item === 'object' && item !== null && '@type' in item
    return isAny ? [] : leaves(item, `${path}/${key}`)
  })
}

function* messages(typeName: string, value: object): Generator<{ typeName: string; message: object }> {
  yield { typeName, message: value }
  for (const nested of nestedAnys(value)) {
    const { '@type': type, ...message } = nested
    yield* messages(type.slice(type.indexOf('/') + 1), message)
  }
}

function nestedAnys(value: object): { '@type': string }[] {
  return Object.values(value).flatMap((item) => {
    if (typeof item !== 'object' || item === null) return []
    return '@type' in item ? [item as { '@type': string }] : nestedAnys(item)
  })
}

describe('what compile writes is encoded', () => {
  for (const { title, input } of goldenCases()) {
    const result = outcome(input)
    if ('problems' in result) continue
    test(title, () => {
      for (const [, compiled] of result.gateways) {
        for (const [type, byName] of compiled.resources) {
          for (const message of byName.values()) {
            for (const each of messages(type.slice(type.indexOf('/') + 1), message)) {
              const back = leaves(decode(each.typeName, encode(each.typeName, { ...each.message })))
              // Zero and false are proto3 defaults, which are not sent.
              const set = leaves(each.message).filter((path) => !isDefault(each.message, path))
              assert.deepEqual(
                set.filter((path) => !back.includes(path)),
                [],
                `${each.typeName} has no such fields`,
              )
            }
          }
        }
      }
    })

    test(`${title}, to the same bytes each time`, () => {
      const again = outcome(input)
      assert.ok('gateways' in again)
      for (const [name, compiled] of result.gateways) {
        const other: Compiled = again.gateways.get(name)!
        assert.deepEqual(
          encodeResources(compiled.resources, inClear),
          encodeResources(other.resources, inClear),
        )
      }
    })
  }
})

function isDefault(message: object, path: string): boolean {
  let value: unknown = message
  for (const key of path.split('/').slice(1)) value = (value as Record<string, unknown>)[key]
  return value === 0 || value === false || value === '' || (Array.isArray(value) && value.length === 0)
}
