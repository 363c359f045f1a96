import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cli, Refused } from './cli.ts'
import { printable } from './text.ts'

/** A document in a file of its own, under lines that say what it is, while the user edits it. */
export interface EditedFile {
  path: string
  /** Puts a document there, and above it a comment of so many lines. */
  write(comment: readonly string[], document: string): void
  /** The document as it is now, without the comment. */
  read(): string
}

/**
 * Lends a file for `original`. A failure after which another document is there leaves it there, to nobody else readable,
 * and says so: the user's work is not thrown away.
 */
export async function withEditedFile<Result>(
  original: string,
  cli: Cli,
  work: (file: EditedFile) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-edit-'))
  const file = editedFile(join(folder, 'document.yaml'))
  let kept = false
  try {
    return await work(file)
  } catch (error) {
    kept = isWork(file, original)
    throw kept ? told(error, file, cli) : error
  } finally {
    if (!kept) rmSync(folder, { recursive: true, force: true })
  }
}

const headMark = '# weir: '

function editedFile(path: string): EditedFile {
  return {
    path,
    write(comment, document) {
      const head = comment.map((line) => `${headMark}${printable(line)}\n`).join('')
      writeFileSync(path, `${head}${document}`, { mode: 0o600 })
    },
    read() {
      const lines = readFileSync(path, 'utf8').split('\n')
      const start = lines.findIndex((line) => !line.startsWith(headMark))
      return start < 0 ? '' : lines.slice(start).join('\n')
    },
  }
}

function isWork(file: EditedFile, original: string): boolean {
  try {
    const document = file.read()
    // An editor may have made the file anew, with the rights of any file.
    chmodSync(file.path, 0o600)
    return document !== original && document.trim() !== ''
  } catch {
    return false
  }
}

/** After Ctrl-C nothing else is told, and a fault of ours tells its own story. */
function told(error: unknown, { path }: EditedFile, { signal, stderr }: Cli): unknown {
  const line = `your text is kept in ${path}: \`weir apply -f ${path}\` writes it.`
  if (error instanceof Refused && !signal.aborted) return error.followedBy(line)
  stderr.write(`weir: ${line}\n`)
  return error
}
