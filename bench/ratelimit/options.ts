import { parseArgs } from 'node:util'

/** What is measured. Every list may be shortened: `npm run bench:ratelimit -- --parts direct --rows lane --keys 100000`. */
const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: 'direct,check,breaker,edge' },
    rows: { type: 'string' },
    keys: { type: 'string', default: '1,100000,1000000' },
    policies: { type: 'string', default: '1,4' },
    stores: { type: 'string', default: 'memory,valkey' },
    /** Measured, and before that to warm up. */
    seconds: { type: 'string', default: '4' },
    warmSeconds: { type: 'string', default: '2' },
  },
})

const list = (text: string) => text.split(',')

export const options = {
  parts: list(values.parts),
  keys: list(values.keys).map(Number),
  policies: list(values.policies).map(Number),
  stores: list(values.stores),
  seconds: Number(values.seconds),
  warmSeconds: Number(values.warmSeconds),
}

export function isAsked(row: string): boolean {
  return values.rows === undefined || list(values.rows).some((each) => row.includes(each))
}
