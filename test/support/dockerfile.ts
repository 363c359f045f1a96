import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { projectRoot } from '../../src/project-root.ts'

export interface Instruction {
  name: string
  value: string
}

export interface Stage {
  image: string
  name: string | undefined
  instructions: Instruction[]
}

/** The stages of the Dockerfile, the last one being the image. */
export function readDockerfile(
  text = readFileSync(join(projectRoot, 'Dockerfile'), 'utf8'),
): [Stage, ...Stage[]] {
  const stages: Stage[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, name, value] = /^([A-Z]+) (.+)$/.exec(line) ?? []
    if (name === undefined || value === undefined || value.endsWith('\\'))
      throw new Error(`not read: ${line}`)
    if (name === 'FROM') {
      const [, image, as] = /^(\S+)(?: AS (\S+))?$/.exec(value)!
      stages.push({ image: image!, name: as, instructions: [] })
    } else {
      stages.at(-1)!.instructions.push({ name, value })
    }
  }
  return stages as [Stage, ...Stage[]]
}

/** The values of one instruction in a stage, in order. */
export function valuesOf(stage: Stage, name: string): string[] {
  return stage.instructions.filter((each) => each.name === name).map(({ value }) => value)
}

/** The last value of an instruction, or undefined. */
export function lastOf(stage: Stage, name: string): string | undefined {
  return valuesOf(stage, name).at(-1)
}

/** The steps of a stage that need no container: its folder, and what is copied and run there. */
export interface Step {
  copy?: Copy
  run?: string
}

export interface Copy {
  from: string | undefined
  sources: string[]
  target: string
}

export function stepsOf(stage: Stage): Step[] {
  return stage.instructions.flatMap(({ name, value }): Step[] => {
    if (name === 'RUN') return [{ run: value }]
    if (name !== 'COPY') return []
    const [, from, rest] = /^(?:--from=(\S+) )?(.+)$/.exec(value)!
    const words = rest!.split(' ')
    return [{ copy: { from, sources: words.slice(0, -1), target: words.at(-1)! } }]
  })
}

/**
 * COPY: the content of folders, files by their names into a folder that is written with a slash at its end. From an
 * earlier stage, which nobody else copies from, things are moved, since that is faster.
 */
export function copy(
  { from, sources, target }: Copy,
  places: { context: string; stage: string; folder: string },
): void {
  for (const each of sources) {
    // A stage's own folder is /src.
    const source =
      from === undefined ? join(places.context, each) : join(places.stage, each.replace(/^\/src\//, ''))
    const to = join(
      places.folder,
      target,
      target.endsWith('/') && statSync(source).isFile() ? basename(each) : '',
    )
    mkdirSync(dirname(to), { recursive: true })
    if (from === undefined) cpSync(source, to, { recursive: true, verbatimSymlinks: true })
    else renameSync(source, to)
  }
}

/** `npm ci --omit=dev --omit=optional`, from what is installed in the repository instead of the network. */
export function copyProductionModules(folder: string): void {
  const { packages } = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8'))
  const left = Object.entries<Record<string, boolean>>(packages).filter(
    ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
  )
  for (const [path] of left) {
    const nested = join(projectRoot, path, 'node_modules')
    cpSync(join(projectRoot, path), join(folder, path), {
      recursive: true,
      // Packages in a package have entries of their own.
      filter: (source) => source !== nested,
    })
  }
}

/** Nobody may write it, everybody may read it. */
export function makeReadOnly(path: string): void {
  const stat = statSync(path)
  if (stat.isDirectory()) {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (!entry.isSymbolicLink()) makeReadOnly(join(path, entry.name))
    }
  }
  chmodSync(path, stat.isDirectory() || (stat.mode & 0o111) !== 0 ? 0o555 : 0o444)
}
