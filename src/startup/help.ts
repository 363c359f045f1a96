import { flagOf, settingList } from '../settings/list.ts'

/** `weir up --help` and `weir serve --help`. */
export function serveHelp(command: string): string {
  const what =
    command === 'up'
      ? 'Starts weir with an embedded PostgreSQL and one local Envoy a gateway.'
      : 'Starts weir on the PostgreSQL of DATABASE_URL, for Envoys that join by themselves.'
  const flags = settingList.map(
    ({ variable, help }) => `  ${flagOf(variable).padEnd(20)} ${variable}: ${help}`,
  )
  const example =
    command === 'up' ? 'weir up --admin-addr 127.0.0.1:9080' : 'DATABASE_URL=postgres://... weir serve'
  return [
    `Usage: weir ${command} [options]`,
    '',
    what,
    '',
    'Options (or environment variables):',
    ...flags,
    '',
    `Example: ${example}`,
    '',
  ].join('\n')
}
