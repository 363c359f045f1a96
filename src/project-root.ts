import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder with `package.json`, from the sources as well as from `dist/`. */
export const projectRoot: string = find(import.meta.dirname)

function find(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('weir cannot find its package.json')
  return find(parent)
}
