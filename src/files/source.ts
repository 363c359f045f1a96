/** A text with documents, and where it came from. */
export interface SourceFile {
  /** Its path as its reader named it, or `<stdin>`. */
  path: string
  /** The folder that `*File` fields are looked up in; standard input has none. */
  folder: string | undefined
  format: 'yaml' | 'json'
  text: string
}

/** A document of a file. */
export interface SourceDocument {
  file: SourceFile
  /** Its number in the file, from 0, empty ones left out. */
  number: number
  /** The file is one list, whose items are the documents. */
  listed: boolean
  /** What is sent: the document with the texts of the files that it names. */
  value: unknown
}

/** From 1, as editors count. */
export interface Place {
  line: number
  column: number
}

/** Why a file cannot be taken. */
export interface FileProblem {
  file: string
  place?: Place
  message: string
  remedy: string
}

export interface Sources {
  documents: SourceDocument[]
  problems: FileProblem[]
}

/** `routes.yaml:3:1: what is wrong (what to do)`, as editors understand it. */
export function fileProblemLine({ file, place, message, remedy }: FileProblem): string {
  return `${placeLine(file, place)}: ${message} (${remedy})`
}

export function placeLine(file: string, place: Place | undefined): string {
  return place === undefined ? file : `${file}:${place.line}:${place.column}`
}
