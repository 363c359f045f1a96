import { readFileSync } from 'node:fs'

/** Microseconds of one tick of proc(5), which is 10 ms on every Linux. */
const tick = 10_000

/** Microseconds of CPU that a process had, user and system, with those of all of its threads. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tick
}

/** Microseconds that all cores of this machine were busy since it started, whoever kept them so. */
export function cpuOfMachine(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/ +/)
    .map(Number)
  return (user! + nice! + system! + irq! + softirq!) * tick
}

/** MiB that a process holds in memory. */
export function rssOf(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kibibytes) / 1_024
}
