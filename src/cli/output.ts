import { styleText } from 'node:util'
import { Option } from 'commander'
import { escapedJson, escapedYaml, printable } from './text.ts'

export type Format = 'json' | 'yaml' | 'table'

/** `-o`: how a command prints its result. */
export function outputOption(formats: readonly Format[], preset: Format): Option {
  return new Option('-o, --output <format>', 'how to print the result').choices(formats).default(preset)
}

export function asJson(value: unknown): string {
  return `${escapedJson(JSON.stringify(value, null, 2))}\n`
}

/** On one line, where there is one after the other. */
export function asJsonLine(value: unknown): string {
  return `${escapedJson(JSON.stringify(value))}\n`
}

export function asYaml(value: unknown): string {
  return escapedYaml(value)
}

/** Columns side by side; at a terminal a line is cut rather than wrapped. */
export function table(
  stream: NodeJS.WriteStream,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const cells = [head, ...rows].map((row) => row.map(printable))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
  const width = stream.isTTY && stream.columns > 0 ? stream.columns : Number.POSITIVE_INFINITY
  const [first, ...others] = lines.map((line) =>
    line.length > width ? `${line.slice(0, width - 1)}…` : line,
  )
  return [style(stream, 'bold', first!), ...others, ''].join('\n')
}

type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow'

/** Coloured only for a person: at a terminal, and not with NO_COLOR. */
export function style(stream: NodeJS.WriteStream, name: Style, text: string): string {
  return stream.isTTY ? styleText(name, text, { stream }) : text
}

/** `a=1,b=2` as `-l` understands it, or a dash. */
export function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(
    ([key, value]) => `${key}=${value.replaceAll(/[\\,]/g, '\\$&')}`,
  )
  return pairs.length > 0 ? pairs.join(',') : '-'
}
