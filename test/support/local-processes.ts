import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What weir wrote about a child in the data dir. */
export function record(dataDir: string, name: string): { pid: number; startTime: number; port: number } {
  return JSON.parse(readFileSync(join(dataDir, 'run', `${name}.json`), 'utf8'))
}

/** Process ids of everything that runs with a text in its command line. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => {
      try {
        return readFileSync(join('/proc', entry, 'cmdline'), 'utf8')
          .replaceAll('\0', ' ')
          .includes(text)
      } catch {
        return false
      }
    })
    .map(Number)
}
