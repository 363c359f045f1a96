import { Type } from 'typebox'
import type { Document } from '../model/document.ts'
import { clipped, refusal } from './refusal.ts'

/** Query parameters that select objects of a list. */
export const selectionParameters = {
  labels: Type.Optional(
    Type.String({
      description:
        'Only objects that have all of these labels: `key=value`, several with commas between. In a value `\\,` is a comma ' +
        'and `\\\\` a backslash.',
      maxLength: 8_192,
      examples: ['team=checkout,tier=gold', 'note=a\\,b'],
    }),
  ),
  owner: Type.Optional(
    Type.String({ description: 'Only objects of this owner; empty: those of none.', maxLength: 253 }),
  ),
}

export interface SelectionQuery {
  labels?: string
  owner?: string
}

/** What a document must have to be one of those that are asked for. */
export interface Selection {
  owner?: string
  labels?: Record<string, string>
}

/** Throws `malformed` for labels that are none. */
export function selectionOf({ labels, owner }: SelectionQuery): Selection {
  return {
    ...(owner === undefined ? {} : { owner }),
    ...(labels === undefined ? {} : { labels: Object.fromEntries(partsOf(labels).map(labelOf)) }),
  }
}

export function isSelected({ owner, labels = {} }: Selection, document: Document): boolean {
  return (
    (owner === undefined || document.owner === owner) &&
    Object.entries(labels).every(
      ([key, value]) => Object.hasOwn(document.labels, key) && document.labels[key] === value,
    )
  )
}

/** What stands between commas that no backslash stands before. */
function partsOf(labels: string): string[] {
  const parts = ['']
  for (const [token] of labels.matchAll(/\\[\\,]|[\s\S]/g)) {
    if (token === ',') parts.push('')
    else parts[parts.length - 1] += token.length > 1 && token.startsWith('\\') ? token.slice(1) : token
  }
  return parts
}

function labelOf(text: string): [key: string, value: string] {
  const equals = text.indexOf('=')
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)]
  throw refusal(
    'malformed',
    `"labels" cannot hold ${clipped(JSON.stringify(text))}.`,
    'write key=value, several with commas between, and a comma in a value as \\,',
  )
}
