import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Compiled, compile } from '../../src/compile/compile.ts'
import { limitsOf } from '../../src/compile/limits.ts'
import type { Problem } from '../../src/errors.ts'
import type { CheckContext } from '../../src/model/kind.ts'
import type { Limits } from '../../src/model/limit-rule.ts'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { emptyState, type State } from '../../src/model/state.ts'
import { parseYaml } from '../../src/model/yaml.ts'
import { kinds } from '../../src/policies/index.ts'
import { projectRoot } from '../../src/project-root.ts'
import { testLive } from '../support/live.ts'

/** Apart from the address that other tests use, so that no port of a golden is taken. */
export const listenerAddress = '127.0.0.77'

const context: CheckContext = { supervised: true, listenerAddress }

/** Envoys of the gateways that other gateways forward to. */
const announced = new Map([
  [
    'internal',
    [
      { gateway: 'internal', node: 'internal-1', addresses: ['127.0.0.78', '127.0.0.79'], peer: '127.0.0.1' },
      { gateway: 'internal', node: 'internal-2', addresses: [], peer: '127.0.0.1' },
      { gateway: 'internal', node: 'internal-3', addresses: ['127.0.0.79'], peer: '127.0.0.1' },
    ],
  ],
])

/** Its certificates and keys are made anew for each run; golden files show names for them. */
export const live = testLive({ announced, listenerAddress })

export interface GoldenCase {
  title: string
  input: string
  output: string
}

/** Every `golden/in/*.yaml` below `src`, with the path of its expected output. */
export function goldenCases(): GoldenCase[] {
  return globSync('src/**/golden/in/*.yaml', { cwd: projectRoot })
    .sort()
    .map((path) => ({
      title: path.replace('/golden/in/', ': ').replace(/^src\//, ''),
      input: join(projectRoot, path),
      output: join(projectRoot, path.replace('/golden/in/', '/golden/out/')),
    }))
}

/** What became of a golden's documents: problems, or each gateway compiled and the limits of all. */
export function outcome(
  path: string,
): { problems: Problem[] } | { gateways: Map<string, Compiled>; limits: Limits } {
  const { state, problems } = stateOf(readFileSync(path, 'utf8'), basename(path))
  if (problems.length > 0) return { problems }
  const names = [...state.objects.get('Gateway')!.keys()].sort()
  return {
    gateways: new Map(names.map((name) => [name, compile(state, name, live)])),
    limits: limitsOf(state),
  }
}

function stateOf(text: string, name: string): { state: State; problems: Problem[] } {
  const parsed = parseYaml(text)
  if (parsed.values === undefined) throw new Error(`${name} is not YAML`)
  const problems: Problem[] = []
  const edits: Edit[] = []
  for (const [index, value] of parsed.values.entries()) {
    const read = readDocument(kinds, value)
    if (read.document === undefined)
      problems.push(...read.problems.map((problem) => ({ document: index, ...problem })))
    else edits.push({ op: 'put', object: read.document, document: index })
  }
  if (problems.length > 0) return { state: emptyState, problems }
  const plan = planWrite(kinds, emptyState, edits, context)
  return { state: plan.next, problems: plan.problems }
}
