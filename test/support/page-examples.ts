import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { projectRoot } from '../../src/project-root.ts'

/** What a reader of a page does, in order: documents that are written, with the warnings shown, or a command. */
export type PageStep =
  | { documents: string; warnings: string[] }
  | {
      command: string
      /** Lines that the output holds, in this order. */
      shown: string[]
    }

/** The examples of a page: indented blocks that begin with `kind:`, and lines that begin with `$ `. */
export function stepsOf(page: string): PageStep[] {
  const blocks = page.split(/\n{2,}/)
  return blocks.flatMap((block, index): PageStep[] => {
    const lines = block.split('\n')
    if (!lines.every((line) => line.startsWith('    '))) return []
    const own = lines.map((line) => line.slice(4))
    if (own[0]!.startsWith('kind: ')) {
      const next = blocks[index + 1]?.split('\n') ?? []
      const warnings = next.filter((line) => line.startsWith('> ')).map((line) => line.slice(2))
      return [{ documents: own.join('\n'), warnings }]
    }
    if (!own[0]!.startsWith('$ ')) return []
    return [{ command: own[0]!.slice(2), shown: own.slice(1) }]
  })
}

/** A counter's id: 128 bits in base64url. */
const idPattern = '[A-P][A-Za-z0-9_-]{20}[AEIMQUYcgkosw048]'

/**
 * Finds shown lines in outputs. Times differ from run to run, widths of columns with them; ids differ from database to
 * database, and one that a command of the page names is the one that stood in its place.
 */
export function createPageReader() {
  const real = new Map<string, string>()

  function patternOf(line: string): RegExp {
    const escaped = line.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    return new RegExp(
      escaped
        .replaceAll(new RegExp(`(?<![\\w-])${idPattern}(?![\\w-])`, 'g'), `(${idPattern})`)
        .replaceAll(/;t=\d+/g, ';t=\\d+')
        .replaceAll(/\b(retry-after|x-ratelimit-reset): \d+/g, '$1: \\d+')
        .replaceAll(/\b\d+( ?)(m?s)\b/g, '\\d+$1m?s')
        .replaceAll(/\s+/g, '\\s+'),
    )
  }

  return {
    /** A command with the ids of this run. */
    command: (written: string) => written.replaceAll(new RegExp(idPattern, 'g'), (id) => real.get(id) ?? id),
    /** Answers with the first line that is not there, in its place. */
    missing(shown: readonly string[], output: string): string | undefined {
      let rest = output
      for (const line of shown) {
        const found = patternOf(line).exec(rest)
        if (found === null) return line
        const written = [...line.matchAll(new RegExp(`(?<![\\w-])${idPattern}(?![\\w-])`, 'g'))]
        for (const [index, [id]] of written.entries()) real.set(id, found[index + 1]!)
        rest = rest.slice(found.index + found[0].length)
      }
      return undefined
    },
  }
}

/** Runs a command as a reader would, in a shell, with `weir` on the path; answers with all that it printed. */
export async function runInShell(command: string, variables: Record<string, string>): Promise<string> {
  const path = [join(projectRoot, 'bin'), process.env.PATH].join(delimiter)
  const child = spawn('bash', ['-s'], {
    env: { ...variables, PATH: path },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(`set -e\n${command}\n`)
  return text(child.stdout)
}
