import { Document, parseAllDocuments, visit } from 'yaml'

/**
 * What a terminal would obey instead of showing it: C0 and C1 controls (ECMA-48) besides line feed and tab, what turns
 * the direction of writing (Unicode UAX #9), and the line ends of Unicode.
 */
const obeyed = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** A text that others wrote, for one line: line ends and tabs are spaces, all else that a terminal would obey is visible. */
export function printable(text: string): string {
  return text.replaceAll(/[\n\r\t]/g, ' ').replaceAll(obeyed, escaped)
}

/** JSON that is read as before and holds nothing that a terminal would obey. Only strings of it can hold such. */
export function escapedJson(text: string): string {
  return text.replaceAll(obeyed, escaped)
}

/** A value as YAML that is read as before and holds nothing that a terminal would obey. */
export function escapedYaml(value: unknown): string {
  return written(new Document(value, { compat: 'yaml-1.1', aliasDuplicateObjects: false }))
}

/** A text of YAML documents that is read as before; as it is where it holds nothing that a terminal would obey. */
export function escapedYamlText(text: string): string {
  if (!isObeyed(text)) return text
  const documents = parseAllDocuments(text, { compat: 'yaml-1.1' })
  return 'empty' in documents ? '' : documents.map(written).join('')
}

/** Only between double quotes has YAML escapes (YAML 1.2, section 5.7). */
function written(document: Document): string {
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && isObeyed(node.value)) node.type = 'QUOTE_DOUBLE'
    },
  })
  return escapedJson(document.toString({ lineWidth: 0 }))
}

function isObeyed(text: string): boolean {
  return text.search(obeyed) >= 0
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
