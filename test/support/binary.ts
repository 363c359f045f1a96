import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { installedIn } from '../../src/local/pip-install.ts'
import type { Program } from '../../src/local/program.ts'

/** Where a program is: as its variable says, else on `PATH`, else where `npm test` installs it. */
export function binaryOf(program: Program): string {
  const candidates = [
    process.env[program.variable],
    ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program.file)),
    installedIn(join(import.meta.dirname, '..', '..', '.weir'), program.package),
  ]
  const found = candidates.find((path) => path !== undefined && path !== '' && existsSync(path))
  if (found !== undefined) return found
  throw new Error(`no ${program.package.title} was found: set ${program.variable}, or run npm test once`)
}
