import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { describe, test } from 'node:test'
import { projectRoot } from '../../src/project-root.ts'

/** Which folder of `src` may import which (docs/architecture.md, "The house"). `shared` may be imported by all. */
const shared = ['errors.ts', 'observe.ts']
const table: Record<string, readonly string[]> = {
  model: [],
  'envoy-api': ['project-root.ts'],
  policies: ['model', 'envoy-api'],
  compile: ['model', 'policies', 'envoy-api'],
  store: ['model'],
  feed: ['store', 'model'],
  xds: ['envoy-api'],
  ratelimit: ['model', 'envoy-api'],
  bootstrap: ['model'],
  control: ['model', 'compile', 'envoy-api', 'feed', 'xds'],
  local: [],
  settings: ['model'],
  observers: [],
  admin: ['model', 'policies', 'store', 'xds'],
  cli: ['admin', 'bootstrap', 'local', 'model', 'settings', 'version.ts'],
  startup: [
    ...['bootstrap', 'control', 'local', 'model', 'observers', 'policies', 'project-root.ts'],
    ...['settings', 'store'],
  ],
  'version.ts': ['project-root.ts'],
  'project-root.ts': [],
  'errors.ts': [],
  'observe.ts': [],
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
