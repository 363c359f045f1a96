import type { Command } from 'commander'

/** The reference page of the CLI, in Markdown: the help of each command as it is printed. */
export function cliPage(root: Command): string {
  const commands = [root, ...inner(root)].filter((command) => !isBare(command))
  const sections = commands.flatMap((command) => [
    `## ${nameOf(command)}`,
    '',
    '```text',
    helpOf(command).trimEnd(),
    '```',
    '',
  ])
  return [
    '# The command line',
    '',
    'What `--help` prints. `weir up --help` and `weir serve --help` list the settings of the program itself.',
    '',
    ...sections,
  ].join('\n')
}

function inner(command: Command): Command[] {
  const shown = command.commands.filter((each) => (each as { _hidden?: boolean })._hidden !== true)
  return shown.flatMap((each) => [each, ...inner(each)])
}

/** `up` and `serve` are no commands of the CLI; their help is another program's. */
function isBare(command: Command): boolean {
  return ['up', 'serve'].includes(command.name())
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
    writeOut: (part) => {
      text += part
    },
  })
  command.outputHelp()
  return text
}
