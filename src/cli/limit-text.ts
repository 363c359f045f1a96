import type { Counter } from '../admin/limit-json.ts'

type Part = NonNullable<Counter['parts']>[number]

/** What a counter counts by, on one line. */
export function keyText(parts: readonly Part[] | undefined): string {
  if (parts === undefined) return '-'
  return parts
    .map(({ part, value, hidden }) => {
      if (value !== undefined) return `${part}=${value}`
      return `${part} (${hidden === true ? 'hidden' : 'missing'})`
    })
    .join(', ')
}

/** The numbers of an algorithm in words: `5 in 1m`. */
export function numbersText(numbers: Counter['numbers']): string {
  const { limit, window, capacity, refill, queue, rate } = numbers as Numbers
  switch (numbers.algorithm) {
    case 'token_bucket':
      return `${capacity} tokens, ${refill!.tokens} in ${refill!.every}`
    case 'leaky_bucket':
      return `queue of ${queue}, ${rate!.requests} in ${rate!.every}`
    default:
      return `${limit} in ${window}`
  }
}

interface Numbers {
  limit?: number
  window?: string
  capacity?: number
  refill?: { tokens: number; every: string }
  queue?: number
  rate?: { requests: number; every: string }
}
