import type { Command } from 'commander'
import { kindList } from '../../admin/kind-list.ts'
import { openApiOf } from '../../admin/server.ts'
import { editorSchema } from '../../model/editor-schema.ts'
import { kinds } from '../../policies/index.ts'
import { cliPage } from './cli-page.ts'
import { kindPages } from './kind-page.ts'
import { type OpenApi, restPage } from './rest-page.ts'

/**
 * Every file of `docs/reference` and its text: a page a kind, the command line, the admin API, and the JSON Schema for
 * editors. All of it is made from the schemas, the commands and the routes.
 */
export async function referencePages(root: Command): Promise<Map<string, string>> {
  const openApi = (await openApiOf(kinds, '')) as OpenApi
  const plurals = kindList.map(({ plural }) => plural)
  return new Map([
    ['README.md', indexPage()],
    ...kindPages(kinds),
    ['cli.md', cliPage(root)],
    ['rest.md', restPage(openApi, plurals)],
    ['weir.schema.json', `${JSON.stringify(editorSchema(kinds), null, 2)}\n`],
  ])
}

function indexPage(): string {
  return [
    '# Reference',
    '',
    'Made by `npm run docs` from the schemas, the commands and the routes; a test holds it equal to them.',
    '',
    '| kind | what it is |',
    '|---|---|',
    ...kinds.map(({ kind, plural, description }) => `| [${kind}](${plural}.md) | ${description} |`),
    '',
    'Besides: [the command line](cli.md), [the admin API](rest.md).',
    '',
    'Editors that speak the YAML language server check documents and complete fields by a first line of the file:',
    '',
    '```yaml',
    '# yaml-language-server: $schema=http://127.0.0.1:8080/docs/schema.json',
    '```',
    '',
    'or, without a running weir, by the path of [weir.schema.json](weir.schema.json):',
    '',
    '```yaml',
    '# yaml-language-server: $schema=docs/reference/weir.schema.json',
    '```',
    '',
  ].join('\n')
}
