import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Problem } from '../errors.ts'
import { parseJson } from '../model/json.ts'
import type { Kind } from '../model/kind.ts'
import { decodedUtf8 } from '../model/utf8.ts'
import { maxTextBytes, parseYaml } from '../model/yaml.ts'
import { findFiles, unreadable } from './find.ts'
import { inlineFiles } from './inline.ts'
import { placeOf } from './place.ts'
import type { FileProblem, SourceDocument, SourceFile, Sources } from './source.ts'

/** The documents of a file or folder, with the texts of the files that they name in place. */
export function readPath(path: string, kinds: readonly Kind[]): Sources {
  const { files, problems } = findFiles(path)
  const sources: Sources = { documents: [], problems }
  for (const file of files) {
    const { documents, problems: found } = readFile(file, kinds)
    sources.documents.push(...documents)
    sources.problems.push(...found)
  }
  return sources
}

function readFile(file: string, kinds: readonly Kind[]): Sources {
  try {
    // Asked before it is read: a pipe or a disk image would fill the memory.
    if (statSync(file).size > maxTextBytes) return refused(tooLarge(file))
    return readBytes(file, dirname(file), readFileSync(file), kinds)
  } catch (error) {
    return refused(unreadable(file, error))
  }
}

/** The documents of a text; `folder` is where the files that they name must lie. */
export function readBytes(
  path: string,
  folder: string | undefined,
  bytes: Buffer,
  kinds: readonly Kind[],
): Sources {
  if (bytes.length > maxTextBytes) return refused(tooLarge(path))
  const { text, wrongByte } = decodedUtf8(bytes)
  if (text === undefined) {
    const message = `is not UTF-8: byte ${wrongByte} cannot stand there`
    return refused({ file: path, message, remedy: 'save it in UTF-8' })
  }
  const file: SourceFile = { path, folder, format: path.endsWith('.json') ? 'json' : 'yaml', text }
  const { values, problems } = file.format === 'json' ? parseJson(text) : parseYaml(text)
  if (values === undefined) return refused(...problems.map((problem) => syntaxProblem(file, problem)))
  const listed = values.length === 1 && Array.isArray(values[0])
  const items = listed ? (values[0] as unknown[]) : values
  return withFiles(
    items.map((value, number) => ({ file, number, listed, value })),
    kinds,
  )
}

function withFiles(documents: readonly SourceDocument[], kinds: readonly Kind[]): Sources {
  const sources: Sources = { documents: [], problems: [] }
  for (const document of documents) {
    const { value, problems } = inlineFiles(document.value, document.file.folder, kinds)
    sources.documents.push({ ...document, value })
    for (const { pointer, message, remedy } of problems) {
      sources.problems.push({
        file: document.file.path,
        place: placeOf(document, pointer),
        message: `${pointer}: ${message}`,
        remedy,
      })
    }
  }
  return sources
}

function syntaxProblem(file: SourceFile, { document, message, remedy }: Problem): FileProblem {
  const told = /^line (\d+), column (\d+): /.exec(message)
  if (told === null) {
    const which = document === undefined ? '' : `document ${document}: `
    return { file: file.path, message: `${which}${message}`, remedy }
  }
  const place = { line: Number(told[1]), column: Number(told[2]) }
  return { file: file.path, place, message: message.slice(told[0].length), remedy }
}

function tooLarge(file: string): FileProblem {
  const message = `is larger than ${maxTextBytes / 1024 / 1024} MiB`
  return { file, message, remedy: 'split it into several files' }
}

function refused(...problems: FileProblem[]): Sources {
  return { documents: [], problems }
}
