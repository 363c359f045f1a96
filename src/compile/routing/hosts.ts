import { compareNames } from '../../model/state.ts'

/**
 * The hosts, as routes write them, that stand for every host that `host` stands for: itself, then each wider wildcard,
 * most specific first. `a.b.example` gives `a.b.example`, `*.b.example`, `*.example`, `*`.
 */
export function widening(host: string): string[] {
  if (host === '*') return ['*']
  const labels = host.replace(/^\*\./, '').split('.')
  const from = host.startsWith('*.') ? 0 : 1
  const suffixes = labels.map((_, index) => `*.${labels.slice(index).join('.')}`).slice(from)
  return [...new Set([host, ...suffixes, '*'])]
}

/** Most specific first: exact names, longer before shorter wildcards, `*` last; then by name. */
export function compareHosts(a: string, b: string): number {
  return rank(a) - rank(b) || b.length - a.length || compareNames(a, b)
}

function rank(host: string): number {
  if (host === '*') return 2
  return host.startsWith('*.') ? 1 : 0
}
