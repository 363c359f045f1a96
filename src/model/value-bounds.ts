import type { Problem } from '../errors.ts'

/** How deep a document may be nested. Everything that walks a document recursively relies on it. */
export const maxDepth = 100
/** How many values a document may hold, each mention of a YAML alias counted. */
export const maxValues = 1_000_000

/** Why a parsed value is too deep, too large or endless (a YAML alias may refer to what holds it), if it is. */
export function boundsProblem(value: unknown): Problem | undefined {
  const budget = { left: maxValues }
  const pointer = tooDeepAt(value, 0, budget)
  if (pointer !== undefined) {
    const message = `the document is nested deeper than ${maxDepth} levels`
    return { pointer, message, remedy: 'write it flatter, and let no alias refer to what holds it' }
  }
  if (budget.left >= 0) return undefined
  const message = `the document holds more than ${maxValues} values`
  return { pointer: '', message, remedy: 'write less, and use fewer aliases' }
}

/** The pointer to the first value below the allowed depth, cut after a few levels since it would be long. */
function tooDeepAt(value: unknown, depth: number, budget: { left: number }): string | undefined {
  if (--budget.left < 0 || typeof value !== 'object' || value === null) return undefined
  if (depth === maxDepth) return ''
  for (const [key, item] of Object.entries(value)) {
    const below = tooDeepAt(item, depth + 1, budget)
    if (below !== undefined)
      return depth < 2 ? `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}${below}` : ''
    if (budget.left < 0) return undefined
  }
  return undefined
}
