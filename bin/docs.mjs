// `npm run docs`: writes docs/reference from the schemas, the commands and the routes.
import { join } from 'node:path'
import { writeReference } from '../src/cli/reference/write.ts'
import { root } from './setup.mjs'

await writeReference(join(root, 'docs', 'reference'))
