import type { TestEnvoy } from './envoy.ts'
import { until } from './until.ts'

/** A line of the access log. */
export type LogLine = Record<string, string | number | null>

/** The lines in a text, among others that are no JSON. */
export function linesIn(text: string): LogLine[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line))
}

/** The line of a request in the log of an Envoy, once it is there. */
export async function lineOf(envoy: TestEnvoy, requestId: string): Promise<LogLine> {
  const find = () => linesIn(envoy.log()).find((line) => line.requestId === requestId)
  await until(`a line of ${requestId}`, () => find() !== undefined)
  return find()!
}
