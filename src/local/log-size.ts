import * as fs from 'node:fs/promises'

/** Bytes from which on a log is put aside, where it takes the place of the one before. */
export const logLimit = 10 * 1024 * 1024

/**
 * Puts a log aside that has grown too large while its process goes on writing: the process adds to the file that it has
 * open, so that the file is copied and emptied. Lines that are written between the two are lost.
 */
export async function putAside(path: string, limit = logLimit): Promise<void> {
  const { size } = await fs.stat(path)
  if (size <= limit) return
  await fs.copyFile(path, `${path}.1`)
  await fs.truncate(path)
}
