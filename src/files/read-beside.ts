import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs'
import { isAbsolute, join, sep } from 'node:path'
import { messageOf } from '../errors.ts'
import { decodedUtf8 } from '../model/utf8.ts'

export type ReadBeside =
  | { text: string; problem?: undefined }
  | { text?: undefined; problem: { message: string; remedy: string } }

const remedyInside = 'name a file in the folder of the document, relative to it'

/**
 * The text of a file that lies in a document's folder or below. Symbolic links may not lead out of it, so that a
 * document from elsewhere cannot have a file of this machine sent. What is said of a failure never holds the text.
 */
export function readBeside(folder: string | undefined, path: string, maxBytes: number): ReadBeside {
  if (folder === undefined)
    return refused(
      'a document of standard input has no folder to read files from',
      'name its file by -f, or write the text inline',
    )
  if (path === '' || path.includes('\0') || isAbsolute(path))
    return refused(`${shown(path)} is no relative path`, remedyInside)
  try {
    const home = realpathSync(folder)
    const file = realpathSync(join(home, path))
    if (!file.startsWith(home.endsWith(sep) ? home : home + sep))
      return refused(`${shown(path)} lies outside of the document's folder`, remedyInside)
    return readBounded(file, path, maxBytes)
  } catch (error) {
    return refused(`${shown(path)} cannot be read (${reasonOf(error)})`, remedyInside)
  }
}

function readBounded(file: string, path: string, maxBytes: number): ReadBeside {
  // A link that was put there meanwhile is not followed, and a pipe does not hold us up.
  const handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (!fstatSync(handle).isFile()) return refused(`${shown(path)} is no regular file`, remedyInside)
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(handle, buffer, length, buffer.length - length, null)
    }
    if (length > maxBytes)
      return refused(`${shown(path)} is larger than ${maxBytes} bytes`, 'name the file that is meant')
    const { text } = decodedUtf8(buffer.subarray(0, length))
    return text === undefined ? refused(`${shown(path)} is not UTF-8 text`, 'save it in UTF-8') : { text }
  } finally {
    closeSync(handle)
  }
}

function refused(message: string, remedy: string): ReadBeside {
  return { problem: { message, remedy } }
}

function shown(path: string): string {
  return JSON.stringify(path.slice(0, 200))
}

/** Node's message names the path again, as it resolved it. */
function reasonOf(error: unknown): string {
  return (error as { code?: string }).code ?? messageOf(error)
}
