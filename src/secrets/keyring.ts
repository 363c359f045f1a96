import { readKeyFile, writeKeyFile } from './key-file.ts'
import { type MasterKey, newKeyText, parseMasterKey } from './master-key.ts'

/** The master keys that this weir knows. */
export interface Keyring {
  find(id: string): MasterKey | undefined
  ids(): string[]
  /** In clear, the one to be used first: for another weir that has to know the same. */
  texts(): string[]
  /** The key that secrets should be under: the one that was set, else the file's, which is made if there is none. */
  preferred(): MasterKey
  /** A new key, first in the file, the others kept; nothing where the operator sets the key. */
  renew(): MasterKey | undefined
  /** Forgets the file's keys but that one. */
  keepOnly(id: string): void
}

/** Keys of the settings, and those of the key file, which is read when a key is asked for. */
export function createKeyring(options: {
  given: MasterKey | undefined
  previous: readonly MasterKey[]
  file: string
}): Keyring {
  const { given, previous, file } = options

  // This weir holds the data dir's lock: nobody else changes the file.
  let fileKeys: MasterKey[] | undefined

  function fromFile(): MasterKey[] {
    fileKeys ??= readKeyFile(file).map((text) => parseMasterKey(text)!)
    return fileKeys
  }

  function known(): MasterKey[] {
    return [...(given === undefined ? [] : [given]), ...previous, ...fromFile()]
  }

  function renew(): MasterKey | undefined {
    if (given !== undefined) return undefined
    const text = newKeyText()
    writeKeyFile(file, [text, ...readKeyFile(file)])
    fileKeys = undefined
    return parseMasterKey(text)
  }

  return {
    find: (id) => known().find((key) => key.id === id),
    ids: () => known().map(({ id }) => id),
    texts: () => known().map(({ key }) => key.export().toString('base64')),
    preferred: () => given ?? fromFile()[0] ?? renew()!,
    renew,
    keepOnly(id) {
      const texts = readKeyFile(file)
      const kept = texts.filter((text) => parseMasterKey(text)?.id === id)
      if (kept.length === 0 || kept.length === texts.length) return
      writeKeyFile(file, kept)
      fileKeys = undefined
    },
  }
}
