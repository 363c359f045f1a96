import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { algorithmNames } from '../../algorithms/bound-rule.ts'

/** A Lua script as EVAL takes it, and as EVALSHA names it. */
export interface Script {
  readonly name: ScriptName
  readonly text: string
  readonly sha: string
}

const scriptNames = ['take', 'read', 'give-back', 'reset', 'grant', 'merge', 'heartbeat'] as const

export type ScriptName = (typeof scriptNames)[number]

/** The scripts of this store: each is the algorithms' steps, what all share, and a body of its own. */
export function loadScripts(): Readonly<Record<ScriptName, Script>> {
  const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  const chunk = (name: string, path: string) => `local ${name} = (function()\n${file(path)}end)()\n`
  const common = [
    chunk('whole', '../../algorithms/whole.lua'),
    ...algorithmNames.map((name) => chunk(name, `../../algorithms/${name}/step.lua`)),
    file('lua/counters.lua'),
  ].join('')
  const script = (name: ScriptName): Script => {
    const text = common + file(`lua/${name}.lua`)
    return { name, text, sha: createHash('sha1').update(text).digest('hex') }
  }
  return Object.fromEntries(scriptNames.map((name) => [name, script(name)])) as Record<ScriptName, Script>
}
