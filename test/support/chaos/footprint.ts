import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What a process holds. */
export interface Footprint {
  /** Of its memory, in MiB. */
  rss: number
  /** Open files, sockets among them. */
  files: number
  sockets: number
}

export function footprintOf(pid: number): Footprint {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const targets = readdirSync(`/proc/${pid}/fd`).map((file) => targetOf(`/proc/${pid}/fd/${file}`))
  return {
    rss: Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024),
    files: targets.length,
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
  }
}

/** It may be closed by now. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}

/** What may come on top without being a leak: a pool's connections, a heap that was not collected lately. */
const spare = { rss: 96, files: 12, sockets: 12 }

/** What is more than it should be, beside what a process held before. */
export function grown(before: Footprint, after: Footprint): string[] {
  return (Object.keys(spare) as (keyof Footprint)[])
    .filter((what) => after[what] > before[what] + spare[what])
    .map((what) => `${what}: ${before[what]} before, ${after[what]} after`)
}
