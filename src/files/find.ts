import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../errors.ts'
import type { FileProblem } from './source.ts'

const maxFiles = 10_000
const maxDepth = 32

export interface Found {
  files: string[]
  problems: FileProblem[]
}

/**
 * The file itself, or a folder's `.yaml`, `.yml` and `.json` files with those of its folders, by name. Hidden names are
 * left out, and folders behind symbolic links: what Kubernetes mounts has each file a second time behind them.
 */
export function findFiles(path: string): Found {
  const found: Found = { files: [], problems: [] }
  try {
    if (statSync(path).isDirectory()) search(path, 0, found)
    else found.files.push(path)
  } catch (error) {
    found.problems.push(unreadable(path, error))
  }
  return found
}

function search(folder: string, depth: number, found: Found): void {
  if (depth > maxDepth) {
    const message = `is nested deeper than ${maxDepth} folders`
    found.problems.push({ file: folder, message, remedy: 'name the folder itself' })
    return
  }
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'))
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) search(path, depth + 1, found)
    else if (/\.(ya?ml|json)$/.test(entry.name)) found.files.push(path)
    if (found.files.length > maxFiles) throw new Error(`it holds more than ${maxFiles} files`)
  }
}

export function unreadable(file: string, error: unknown): FileProblem {
  const message = `cannot be read (${messageOf(error)})`
  return { file, message, remedy: 'name a file or folder that exists and that you may read' }
}
