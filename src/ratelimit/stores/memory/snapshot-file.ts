import fs from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'

const checksumBytes = 4

/**
 * Replaces a file as a whole, 0600 and with a CRC-32 of it at its end, and returns with its length when it is on the
 * disk. `writeAll` is handed what appends; bytes may be used again once that returns. Throws what the file system throws.
 */
export function replaceFile(path: string, writeAll: (append: (bytes: Buffer) => void) => void): number {
  const draft = `${path}.new`
  let length = 0
  let checksum = 0
  const file = fs.openSync(draft, 'w', 0o600)
  try {
    fs.fchmodSync(file, 0o600)
    const append = (bytes: Buffer) => {
      for (let from = 0; from < bytes.length; ) from += fs.writeSync(file, bytes, from)
      checksum = crc32(bytes, checksum)
      length += bytes.length
    }
    writeAll(append)
    const end = Buffer.alloc(checksumBytes)
    end.writeUInt32LE(checksum)
    append(end)
    fs.fsyncSync(file)
  } catch (error) {
    fs.rmSync(draft, { force: true })
    throw error
  } finally {
    fs.closeSync(file)
  }
  fs.renameSync(draft, path)
  const folder = fs.openSync(dirname(path), 'r')
  try {
    fs.fsyncSync(folder)
  } finally {
    fs.closeSync(folder)
  }
  return length
}

/** A file that `replaceFile` wrote, found whole. */
export interface CheckedFile {
  /** Bytes before the checksum. */
  length: number
  /** Fills the buffer with the bytes from a position on. */
  read(into: Buffer, position: number): void
  close(): void
}

/**
 * Takes a file away, so that nobody can read it again, and opens it; nothing where there is none. Throws where it is
 * cut or damaged, or cannot be removed.
 */
export function takeFile(path: string, chunkBytes: number): CheckedFile | undefined {
  let file: number
  try {
    file = fs.openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    fs.unlinkSync(path)
    const length = fs.fstatSync(file).size - checksumBytes
    const read = (into: Buffer, position: number) => {
      for (let filled = 0; filled < into.length; ) {
        const got = fs.readSync(file, into, filled, into.length - filled, position + filled)
        if (got === 0) throw new Error('it is cut off')
        filled += got
      }
    }
    if (checksumOf(read, length, chunkBytes) !== storedChecksum(read, length))
      throw new Error('it is damaged')
    return { length, read, close: () => fs.closeSync(file) }
  } catch (error) {
    fs.closeSync(file)
    throw error
  }
}

function checksumOf(read: CheckedFile['read'], length: number, chunkBytes: number): number {
  const chunk = Buffer.alloc(chunkBytes)
  let checksum = 0
  for (let position = 0; position < length; position += chunkBytes) {
    const bytes = chunk.subarray(0, Math.min(chunkBytes, length - position))
    read(bytes, position)
    checksum = crc32(bytes, checksum)
  }
  return checksum
}

function storedChecksum(read: CheckedFile['read'], length: number): number {
  if (length < 0) throw new Error('it is cut off')
  const end = Buffer.alloc(checksumBytes)
  read(end, length)
  return end.readUInt32LE()
}
