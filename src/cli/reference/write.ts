import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { helpRoot } from '../main.ts'
import { referencePages } from './pages.ts'

/** Writes the reference to a folder, and takes away what belongs to no kind any more. */
export async function writeReference(folder: string): Promise<void> {
  const pages = await referencePages(helpRoot())
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) if (!pages.has(name)) rmSync(join(folder, name))
  for (const [name, text] of pages) writeFileSync(join(folder, name), text)
}
