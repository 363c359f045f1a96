import { readFileSync } from 'node:fs'
import { projectRoot } from './project-root.ts'

/** The version of this weir, as `package.json` says it. */
export const version: string = JSON.parse(readFileSync(`${projectRoot}/package.json`, 'utf8')).version
