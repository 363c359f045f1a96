import type { HeldRow } from '../model/held-row.ts'

/** The name of the header that tells of it beside the object itself. */
export const heldBackHeader = 'weir-held-back'

/** Its value: JSON in ASCII, without what would make a header too long. */
export function heldBackText({ revision, inForce, pointer, error, since }: HeldRow): string {
  const text = JSON.stringify({ revision, inForce, pointer, error: error.slice(-maxErrorLength), since })
  return text.replaceAll(/[^\x20-\x7e]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Envoy says last what is wrong. */
const maxErrorLength = 500
