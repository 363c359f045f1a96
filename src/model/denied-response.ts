/** What the texts of a refusal may say of it: `{limit}` stands for the limit that was in force. */
export const placeholders = {
  policy: 'the policy that refused',
  plan: 'the plan whose numbers were in force, if one was',
  limit: 'the limit, the capacity, or the queue and one',
  remaining: 'what is left',
  reset: 'seconds until the window ends, the bucket is full or the queue is empty',
  retryAfter: 'seconds to wait, as in Retry-After; nothing where waiting does not help',
} as const

export type Placeholder = keyof typeof placeholders

const known = new RegExp(`\\{(${Object.keys(placeholders).join('|')})\\}`, 'g')

/** The text with its placeholders filled in; braces around anything else stay. */
export function fillPlaceholders(text: string, values: Readonly<Record<Placeholder, string>>): string {
  return text.includes('{') ? text.replace(known, (_, name: Placeholder) => values[name]) : text
}

/** What looks like a placeholder and is none, each once. */
export function unknownPlaceholders(text: string): string[] {
  const names = [...text.matchAll(/\{([A-Za-z_]+)\}/g)].map(([, name]) => name!)
  return [...new Set(names)].filter((name) => !Object.hasOwn(placeholders, name))
}
