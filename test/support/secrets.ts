import { randomBytes } from 'node:crypto'
import { kinds } from '../../src/policies/index.ts'
import { createKeyring } from '../../src/secrets/keyring.ts'
import { type MasterKey, masterKey } from '../../src/secrets/master-key.ts'
import { createSecrets, type Secrets } from '../../src/secrets/secrets.ts'

/** The key of this test process. */
export const testKey = masterKey(randomBytes(32))

/** Secrets under a key that is given, as by WEIR_SECRET_KEY and WEIR_SECRET_KEY_PREVIOUS. */
export function testSecrets(given: MasterKey = testKey, ...previous: MasterKey[]): Secrets {
  return createSecrets({
    kinds,
    keyring: createKeyring({ given, previous, file: '/nonexistent/secret.key' }),
  })
}
