import type { Micros } from '../../algorithms/algorithm.ts'
import { algorithmNames } from '../../algorithms/bound-rule.ts'
import type { CheckedFile } from './snapshot-file.ts'

/** Magic, the format's version and the length of the header's JSON (uint32, little-endian), and that JSON. */
const magic = 'weircntr'
/** Raised when the format changes, or what the numbers of any algorithm's state mean. */
const formatVersion = 1
const preambleBytes = magic.length + 8

export interface SnapshotHeader {
  savedAt: Micros
  /** A fingerprint of the key that ids are hashed with: under another none would be found again. */
  key: string
  /** By the index in a row's tag. */
  policies: readonly { index: number; policy: string; editedAt: Micros; keptUntil: Micros }[]
  algorithms: readonly string[]
}

export function encodeHeader({ savedAt, key, policies }: Omit<SnapshotHeader, 'algorithms'>): Buffer {
  const header: SnapshotHeader = {
    savedAt,
    key,
    policies: policies.map(({ index, policy, editedAt, keptUntil }) => ({
      index,
      policy,
      editedAt,
      keptUntil,
    })),
    algorithms: algorithmNames,
  }
  const body = Buffer.from(JSON.stringify(header))
  const preamble = Buffer.alloc(preambleBytes)
  preamble.write(magic, 'latin1')
  preamble.writeUInt32LE(formatVersion, magic.length)
  preamble.writeUInt32LE(body.length, magic.length + 4)
  return Buffer.concat([preamble, body])
}

/** The header and where the rows begin. Throws where there is none. */
export function readHeader(file: CheckedFile): { header: SnapshotHeader; end: number } {
  const preamble = Buffer.alloc(Math.min(preambleBytes, file.length))
  file.read(preamble, 0)
  if (preamble.length < preambleBytes || preamble.toString('latin1', 0, magic.length) !== magic) {
    throw new Error('it is no snapshot of counters')
  }
  const version = preamble.readUInt32LE(magic.length)
  if (version !== formatVersion) throw new Error(`its format is ${version}, not ${formatVersion}`)
  const end = preambleBytes + preamble.readUInt32LE(magic.length + 4)
  if (end > file.length) throw new Error('it is cut off')
  const body = Buffer.alloc(end - preambleBytes)
  file.read(body, preambleBytes)
  return { header: JSON.parse(body.toString()), end }
}
