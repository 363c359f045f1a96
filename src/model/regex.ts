import { RE2JS } from 're2js'

/** Instructions of a compiled expression: what a request may cost grows with them. `/[a-z]{500}` has some 1,000. */
export const maxProgramSize = 5_000

/**
 * Why Envoy would not take an expression, if so: its regexes are RE2's, without look-around and back-references, and
 * their characters are bytes.
 */
export function regexProblem(value: string): string | undefined {
  const beyond = characterBeyondAscii(value)
  if (beyond !== undefined)
    return `has ${beyond}, and Envoy’s expressions are of ASCII; write . for each byte of it`
  try {
    const size = RE2JS.compile(value).programSize()
    return size > maxProgramSize
      ? `is too large an expression (${size} of ${maxProgramSize} steps)`
      : undefined
  } catch (error) {
    return `is not an RE2 expression (${error instanceof Error ? error.message : String(error)})`
  }
}

function characterBeyondAscii(value: string): string | undefined {
  for (const [text, braced = '', plain = ''] of value.matchAll(
    /\\x\{([0-9a-fA-F]+)\}|\\x([89a-fA-F][0-9a-fA-F])/g,
  )) {
    if (plain !== '' || Number.parseInt(braced, 16) > 0x7f) return text
  }
  return /\P{ASCII}/u.exec(value)?.[0]
}
