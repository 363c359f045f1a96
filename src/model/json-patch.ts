import { equalJson } from './equal.ts'
import { escapePointer } from './walk.ts'

/**
 * One step of a JSON Patch (RFC 6902) with the value that was there before as `old`, a member that RFC 6902
 * (section 4) lets others ignore.
 */
export type PatchStep =
  | { op: 'add'; path: string; value: unknown }
  | { op: 'remove'; path: string; old: unknown }
  | { op: 'replace'; path: string; value: unknown; old: unknown }

/** The steps that turn one JSON value into another, each at the deepest place that differs. */
export function jsonPatch(before: unknown, after: unknown, path = ''): PatchStep[] {
  if (equalJson(before, after)) return []
  if (Array.isArray(before) && Array.isArray(after)) return listPatch(before, after, path)
  if (!isObject(before) || !isObject(after)) return [{ op: 'replace', path, value: after, old: before }]
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return keys.flatMap((key): PatchStep[] => {
    const place = `${path}/${escapePointer(key)}`
    if (!Object.hasOwn(after, key)) return [{ op: 'remove', path: place, old: before[key] }]
    if (!Object.hasOwn(before, key)) return [{ op: 'add', path: place, value: after[key] }]
    return jsonPatch(before[key], after[key], place)
  })
}

/** What both lists begin and end with stays; the middle is changed item by item, then cut or filled up. */
function listPatch(before: readonly unknown[], after: readonly unknown[], path: string): PatchStep[] {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && equalJson(before[head], after[head])) head++
  let tail = 0
  while (tail < shorter - head && equalJson(before.at(-1 - tail), after.at(-1 - tail))) tail++
  const [oldEnd, newEnd] = [before.length - tail, after.length - tail]
  const common = Math.min(oldEnd, newEnd)
  const steps: PatchStep[] = []
  for (let index = head; index < common; index++)
    steps.push(...jsonPatch(before[index], after[index], `${path}/${index}`))
  // From the end, so that each index is right when its turn comes.
  for (let index = oldEnd - 1; index >= common; index--)
    steps.push({ op: 'remove', path: `${path}/${index}`, old: before[index] })
  for (let index = common; index < newEnd; index++)
    steps.push({ op: 'add', path: `${path}/${index}`, value: after[index] })
  return steps
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
