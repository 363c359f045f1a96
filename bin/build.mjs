// `npm run build`: JavaScript and protos in `dist/`, for where types cannot be stripped (a packed weir, an image).
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from './setup.mjs'

const dist = join(root, 'dist')
fs.rmSync(dist, { recursive: true, force: true })
const tsc = join(root, 'node_modules', '.bin', 'tsc')
const { status } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

// The programs that run beside weir are found by their file names.
const { protoIncludeDirs, protoRoots } = await import(join(dist, 'src', 'envoy-api', 'protos.js'))
const loader = createRequire(import.meta.url).resolve('@grpc/proto-loader/package.json')
const { loadProtosWithOptionsSync } = createRequire(loader)('./build/src/util.js')
const protos = loadProtosWithOptionsSync(protoRoots(), { keepCase: true, includeDirs: protoIncludeDirs() })
fs.writeFileSync(join(dist, 'src', 'envoy-api', 'protos.json'), JSON.stringify(protos.toJSON()))
