import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { algorithmNames } from '../../algorithms/bound-rule.ts'

/** A Lua script as EVAL takes it, and as EVALSHA names it. */
export interface Script {
  readonly name: ScriptName | 'breaker'
  readonly text: string
  readonly sha: string
}

export function scriptOf(name: Script['name'], text: string): Script {
  return { name, text, sha: createHash('sha1').update(text).digest('hex') }
}

const scriptNames = [
  'take',
  'read',
  'give-back',
  'reset',
  'grant',
  'merge',
  'heartbeat',
  'permitted',
] as const

export type ScriptName = (typeof scriptNames)[number]

/**
 * The scripts of this store: each is the time, the algorithms' steps, what all share, and a body of its own. A server runs all
 * of it for every call: an algorithm is set up where it is used, and `read` needs the time alone.
 */
export function loadScripts(): Readonly<Record<ScriptName, Script>> {
  const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  const chunk = (path: string) => `(function()\n${file(path)}end)`
  const steps = algorithmNames.map((name) => chunk(`../../algorithms/${name}/step.lua`))
  const time = file('lua/time.lua')
  const common = [
    `local whole = ${chunk('../../algorithms/whole.lua')}()\n`,
    `local steps = { ${steps.join(', ')} }\n`,
    file('lua/counters.lua'),
  ].join('')
  const script = (name: ScriptName): Script => {
    return scriptOf(name, time + (name === 'read' ? '' : common) + file(`lua/${name}.lua`))
  }
  return Object.fromEntries(scriptNames.map((name) => [name, script(name)])) as Record<ScriptName, Script>
}
