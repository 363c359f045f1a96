import { clipped, refusal } from './refusal.ts'
import type { TextFormat } from './text-parser.ts'

const yamlTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml']
/** What a JSON Merge Patch is sent as (RFC 7396, section 4). */
export const jsonPatchTypes = ['application/merge-patch+json', 'application/json']
const remedy =
  'send YAML as "Content-Type: application/yaml" or JSON as "Content-Type: application/json", in UTF-8'

/**
 * The format that a `Content-Type` announces; throws `unsupported_media_type` for every other, and for those that are
 * not `accepted` where not all are.
 */
export function formatOf(contentType: string | undefined, accepted?: readonly string[]): TextFormat {
  const types = accepted === undefined ? remedy : `send "Content-Type: ${accepted.join('" or "')}"`
  if (contentType === undefined)
    throw refusal('unsupported_media_type', 'The Content-Type is missing.', types)
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length)
  if (charset !== undefined && !['utf-8', 'utf8', '"utf-8"', 'us-ascii'].includes(charset)) {
    throw refusal('unsupported_media_type', `The charset ${clipped(charset)} is not understood.`, remedy)
  }
  if (accepted !== undefined) {
    if (accepted.includes(type)) return 'json'
    throw refusal('unsupported_media_type', `The Content-Type "${clipped(type)}" is not understood.`, types)
  }
  if (yamlTypes.includes(type)) return 'yaml'
  if (type === 'application/json') return 'json'
  throw refusal('unsupported_media_type', `The Content-Type "${clipped(type)}" is not understood.`, remedy)
}
