import { messageOf } from '../../../errors.ts'
import type { Micros } from '../../algorithms/algorithm.ts'
import { algorithmNames } from '../../algorithms/bound-rule.ts'
import type { Counters } from './counters.ts'
import { type CheckedFile, replaceFile, takeFile } from './snapshot-file.ts'
import { encodeHeader, readHeader, type SnapshotHeader } from './snapshot-header.ts'
import { decodeNumbers, decodeRow, encodeRow, rowBytes } from './snapshot-row.ts'

/** Rows that are read or written at once: some MB of them. */
const rowsPerChunk = 65_536
const chunkBytes = rowsPerChunk * rowBytes

export interface SnapshotOptions {
  counters: Counters
  path: string
  /** The time, as the store's clock says it. */
  now: Micros
  /** Fingerprint of the key that counter ids are hashed with. */
  key: string
}

export type Restored =
  | { result: 'absent' }
  | { result: 'ignored'; reason: string }
  | {
      result: 'restored'
      counters: number
      /** Rows that were over by now. */
      expired: number
      /** Rows that had no place, or are of an algorithm that this version does not know. */
      refused: number
    }

/**
 * Writes all counters that are not over to a file (0600), as a whole or not at all, in chunks of some MB. Throws what
 * the file system throws, and then the file is as it was.
 */
export function writeSnapshot({ counters, path, now, key }: SnapshotOptions): {
  counters: number
  bytes: number
} {
  let rows = 0
  const bytes = replaceFile(path, (append) => {
    append(encodeHeader({ savedAt: now, key, policies: counters.shares.list() }))
    const chunk = Buffer.alloc(chunkBytes)
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let filled = 0
    for (const segment of counters.segments) {
      for (let slot = 0; slot < segment.slots; slot++) {
        if (segment.expires[slot] === 0 || counters.isOver(segment, slot, now)) continue
        encodeRow(view, filled, segment, slot)
        filled += rowBytes
        rows++
        if (filled < chunkBytes) continue
        append(chunk)
        filled = 0
      }
    }
    append(chunk.subarray(0, filled))
  })
  return { counters: rows, bytes }
}

/**
 * Puts the counters of a file into a store, before it serves, each to go when it would have gone, and removes the file,
 * whatever it holds: a crash later must not bring old counts back. A file is ignored as a whole where it is damaged, of
 * another format or key, or further than `maxAgeMs` from now. Where the store's bound was lowered, rows beyond what a
 * full store ever holds are refused; which ones is chance. Never throws.
 */
export function restoreSnapshot(options: SnapshotOptions & { maxAgeMs: number }): Restored {
  let file: CheckedFile | undefined
  try {
    file = takeFile(options.path, chunkBytes)
    if (file === undefined) return { result: 'absent' }
    const { header, end } = readHeader(file)
    check(header, options)
    return load(file, header, end, options)
  } catch (error) {
    return { result: 'ignored', reason: messageOf(error) }
  } finally {
    file?.close()
  }
}

/** Throws where counters of that header are of no use. */
function check({ savedAt, key }: SnapshotHeader, expected: { now: Micros; key: string; maxAgeMs: number }) {
  if (key !== expected.key) throw new Error('its ids were hashed with another key')
  const seconds = Math.round((expected.now - savedAt) / 1_000_000)
  if (seconds * 1_000 > expected.maxAgeMs) throw new Error(`it is ${seconds} s old`)
  // Counters of a clock that was far ahead would stand still until then.
  if (-seconds * 1_000 > expected.maxAgeMs) throw new Error(`it is of ${-seconds} s from now`)
}

function load(file: CheckedFile, header: SnapshotHeader, start: number, options: SnapshotOptions): Restored {
  const { counters, now } = options
  const policies = new Map(header.policies.map((policy) => [policy.index, policy]))
  const restored = { result: 'restored' as const, counters: 0, expired: 0, refused: 0 }
  const chunk = Buffer.alloc(chunkBytes)
  for (let position = start; position < file.length; position += chunkBytes) {
    const bytes = chunk.subarray(0, Math.min(chunkBytes, file.length - position))
    file.read(bytes, position)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let offset = 0; offset < bytes.length; offset += rowBytes) {
      const { id, expiresAt, policyIndex, algorithmIndex } = decodeRow(view, offset)
      const { policy, keptUntil } = policies.get(policyIndex)!
      const algorithm = algorithmNames.find((name) => name === header.algorithms[algorithmIndex])
      if (expiresAt <= now && keptUntil <= now) restored.expired++
      else if (algorithm === undefined || counters.size >= counters.shares.bound) restored.refused++
      else {
        const slot = counters.insert(id, { policy, algorithm }, expiresAt)
        decodeNumbers(view, offset, counters.segmentOf(id), slot)
        restored.counters++
      }
    }
  }
  for (const { policy, editedAt, keptUntil } of header.policies) {
    counters.shares.keep(policy, keptUntil, editedAt)
  }
  return restored
}
