import { compareNames } from '../model/state.ts'

/** Whether every host that `narrow` stands for is also one of `wide`. Both as a route writes them. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === '*' || wide === narrow) return true
  return wide.startsWith('*.') && narrow.endsWith(wide.slice(1))
}

/** Most specific first: exact names, longer before shorter wildcards, `*` last; then by name. */
export function compareHosts(a: string, b: string): number {
  return rank(a) - rank(b) || b.length - a.length || compareNames(a, b)
}

function rank(host: string): number {
  if (host === '*') return 2
  return host.startsWith('*.') ? 1 : 0
}
