import { keyFileOf } from '../secrets/key-file.ts'
import { createKeyring, type Keyring } from '../secrets/keyring.ts'
import type { Settings } from '../settings/settings.ts'

/** The keys of the settings and of the data dir. */
export function openKeyring({ secretKey, previousSecretKeys, dataDir }: Settings): Keyring {
  return createKeyring({ given: secretKey, previous: previousSecretKeys, file: keyFileOf(dataDir) })
}
