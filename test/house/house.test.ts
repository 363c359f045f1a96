import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { describe, test } from 'node:test'
import { projectRoot } from '../../src/project-root.ts'

const shared = ['errors.ts', 'observe.ts']

/** Which folder of `src` may import which, as the page says it. */
const table = readTable(readFileSync(join(projectRoot, 'docs', 'architecture.md'), 'utf8'))

function readTable(page: string): Record<string, string[]> {
  const rows = [...page.matchAll(/^\| `([a-z-]+)(?:\/|(\.ts))` \| .* \| ([^|]*) \|$/gm)]
  const entries = rows.map(([, name, extension = '', imports = '']): [string, string[]] => {
    const named = imports.split(',').map((each) => each.trim())
    return [name! + extension, imports.startsWith('nothing') ? [] : named]
  })
  return Object.fromEntries(entries.filter(([name]) => name !== 'main.ts'))
}

/** Large enough for one noun; what grows beyond it has two. */
const maxLines = 300

interface Import {
  file: string
  from: string
  to: string
}

const sources = globSync('src/**/*.ts', { cwd: projectRoot }).sort()

function imports(): Import[] {
  return sources.flatMap((file) => {
    const text = readFileSync(join(projectRoot, file), 'utf8')
    const relative = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!)
    return relative.map((path) => {
      const target = posix.normalize(posix.join(posix.dirname(file), path))
      return { file, from: place(file), to: place(target) }
    })
  })
}

/** The folder of `src` that a file is in, or its own name where it lies in `src` itself. */
function place(file: string): string {
  return file.split('/')[1]!
}

describe('the house', () => {
  test('every folder of src is in the import table', () => {
    const places = new Set(sources.map(place))
    places.delete('main.ts')
    assert.deepEqual([...places].sort(), Object.keys(table).sort())
  })

  test('folders import only what the table allows', () => {
    const broken = imports().filter(({ from, to }) => {
      if (from === 'main.ts' || from === to || shared.includes(to)) return false
      return !table[from]!.includes(to)
    })
    assert.deepEqual(broken, [])
  })

  test('nothing but bin imports main.ts', () => {
    assert.deepEqual(
      imports().filter(({ to }) => to === 'main.ts'),
      [],
    )
  })

  test('the table has no permission that nobody uses', () => {
    const used = new Set(imports().map(({ from, to }) => `${from} -> ${to}`))
    const granted = Object.entries(table).flatMap(([from, targets]) =>
      targets.map((to) => `${from} -> ${to}`),
    )
    assert.deepEqual(
      granted.filter((each) => !used.has(each)),
      [],
    )
  })

  test('no file has grown beyond one noun', () => {
    const long = sources.filter(
      (file) => readFileSync(join(projectRoot, file), 'utf8').split('\n').length > maxLines,
    )
    assert.deepEqual(long, [])
  })

  test('nothing but secrets/ reveals a secret', () => {
    const revealing = sources.filter((file) =>
      /\.reveal\(/.test(readFileSync(join(projectRoot, file), 'utf8')),
    )
    assert.deepEqual(
      revealing.filter((file) => place(file) !== 'secrets'),
      [],
    )
    assert.ok(revealing.length > 0)
  })

  test('no test is skipped', () => {
    const offenders = globSync('test/**/*.ts', { cwd: projectRoot }).filter((file) => {
      if (dirname(file) === 'test/house') return false
      return /\b(test|it|describe)\.(skip|todo|only)\b|\{ *(skip|todo|only) *:/.test(
        readFileSync(join(projectRoot, file), 'utf8'),
      )
    })
    assert.deepEqual(offenders, [])
  })
})
