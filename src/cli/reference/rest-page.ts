/** What of an OpenAPI document the page is made of. */
export interface OpenApi {
  paths: Record<string, Record<string, Operation>>
}

interface Operation {
  summary?: string
  parameters?: { in: string; name: string }[]
}

/** The reference page of the admin API, in Markdown: a row an endpoint; the kinds share theirs. */
export function restPage({ paths }: OpenApi, plurals: readonly string[]): string {
  const rows = Object.entries(paths)
    .filter(([path]) => plurals.every((plural, index) => index === 0 || !isOf(path, plural)))
    .flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => row(method, path, operation, plurals)),
    )
  return [
    '# The admin API',
    '',
    'The whole of it, with every schema, is the OpenAPI 3.1 document at `/docs/json`; `/docs` shows it. `/v1` and `/metrics`',
    'need `Authorization: Bearer` with the token. Errors are problem documents (RFC 9457).',
    '',
    `\`{plural}\` is one of ${plurals.map((plural) => `\`${plural}\``).join(', ')}.`,
    '',
    '| endpoint | what it does | query parameters |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

/** One of the endpoints that every kind has. */
function isOf(path: string, plural: string): boolean {
  return path === `/v1/${plural}` || path === `/v1/${plural}/{name}`
}

function row(method: string, path: string, operation: Operation, plurals: readonly string[]): string {
  const plural = plurals.find((each) => isOf(path, each))
  const shared = (text: string) => (plural === undefined ? text : text.replace(plural, '{plural}'))
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query')
  const cells = [
    `\`${method.toUpperCase()} ${shared(path)}\``,
    shared(operation.summary ?? ''),
    query.map(({ name }) => `\`${name}\``).join(' '),
  ]
  return `| ${cells.join(' | ')} |`
}
