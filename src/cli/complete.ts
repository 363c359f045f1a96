import type { Command, Option } from 'commander'
import { kindList } from '../admin/kind-list.ts'
import { kinds } from '../policies/index.ts'
import type { Client } from './client.ts'
import { kindOf } from './kinds.ts'
import { findField, nameOf } from './reference/find-field.ts'

/** What the API is asked for; whoever completes does not wait for it long. */
export type Ask = () => Client

/** The candidates for the last word of a command line, whose first word is a command. Files are left to the shell. */
export async function complete(root: Command, words: readonly string[], ask: Ask): Promise<string[]> {
  const before = words.slice(0, -1)
  const word = words.at(-1) ?? ''
  const { command, args, open } = read(root, before)
  const candidates = open === undefined ? await wordsFor(command, args, word, ask) : valuesOf(open)
  return candidates.filter((candidate) => candidate.startsWith(word)).sort()
}

interface Line {
  command: Command
  /** What stands there besides options and their values. */
  args: string[]
  /** The option whose value is the next word. */
  open: Option | undefined
}

function read(root: Command, words: readonly string[]): Line {
  const line: Line = { command: root, args: [], open: undefined }
  for (const word of words) {
    if (line.open !== undefined) {
      line.open = undefined
    } else if (word.startsWith('-')) {
      const option = line.command.options.find(({ short, long }) => word === short || word === long)
      line.open = option?.required ? option : undefined
    } else {
      const inner = line.command.commands.find((each) => each.name() === word)
      if (inner === undefined || line.args.length > 0) line.args.push(word)
      else line.command = inner
    }
  }
  return line
}

function valuesOf({ argChoices, long }: Option): string[] {
  if (argChoices !== undefined) return argChoices
  return long === '--kind' ? kindList.map(({ plural }) => plural) : []
}

async function wordsFor(
  command: Command,
  args: readonly string[],
  word: string,
  ask: Ask,
): Promise<string[]> {
  if (word.startsWith('-')) return optionsOf(command)
  if (command.commands.length > 0) return command.commands.filter(isShown).map((each) => each.name())
  switch (command.name()) {
    case 'get':
    case 'edit':
    case 'delete':
      return args.length > 1 ? [] : objects(args[0], word, ask)
    case 'history':
      return args.length > 0 ? [] : objects(undefined, word, ask)
    case 'rollback':
      return args.length > 0 ? [] : revisions(ask)
    case 'explain':
      return args.length > 0 ? [] : names('gateways', ask)
    case 'health':
      return args.length > 0 ? [] : names('clusters', ask)
    case 'top':
      return args.length > 0 ? [] : names('rate-limit-policies', ask)
    case 'peek':
    case 'reset':
    case 'grant':
      return counters(args, ask)
    case 'explain-field':
      return args.length > 0 ? [] : fields(word)
    default:
      return command.registeredArguments[args.length]?.argChoices ?? []
  }
}

function optionsOf(command: Command): string[] {
  return [...command.options.map(({ long, short }) => long ?? short ?? ''), '--help']
}

/** A hidden command is for programs. */
function isShown(command: Command): boolean {
  return (command as { _hidden?: boolean })._hidden !== true
}

async function objects(kind: string | undefined, word: string, ask: Ask): Promise<string[]> {
  const slash = word.indexOf('/')
  if (kind !== undefined) return kind.includes('/') ? [] : names(kind, ask)
  if (slash < 0) return kindList.map(({ plural }) => `${plural}/`)
  const given = word.slice(0, slash)
  return (await names(given, ask)).map((name) => `${given}/${name}`)
}

/** As many as a page has: nobody reads more. */
async function names(kind: string, ask: Ask): Promise<string[]> {
  const { text } = await ask()({ method: 'GET', path: `/v1/${kindOf(kind).plural}?limit=1000` })
  return (JSON.parse(text) as { items: { name: string }[] }).items.map(({ name }) => name)
}

/** A policy, then its busiest counters. */
async function counters([policy, ...others]: readonly string[], ask: Ask): Promise<string[]> {
  if (policy === undefined) return names('rate-limit-policies', ask)
  if (others.length > 0) return []
  const path = `/v1/rate-limit-policies/${encodeURIComponent(policy)}/keys?top=100`
  const { text } = await ask()({ method: 'GET', path })
  return (JSON.parse(text) as { items: { id: string }[] }).items.map(({ id }) => id)
}

async function revisions(ask: Ask): Promise<string[]> {
  const { text } = await ask()({ method: 'GET', path: '/v1/revisions?limit=20' })
  return (JSON.parse(text) as { items: { revision: number }[] }).items.map(({ revision }) => String(revision))
}

function fields(word: string): string[] {
  const dot = word.lastIndexOf('.')
  if (dot < 0) return kinds.map(({ kind }) => kind)
  const before = word.slice(0, dot)
  const [first = '', ...path] = before.split('.')
  const { kind: name } = kindOf(first)
  const kind = kinds.find((each) => each.kind === name)!
  const found = findField(kind, path)
  // As findField understands it, `spec.` may be left out.
  const parts = path.length === 0 ? [found, findField(kind, ['spec'])] : [found]
  return parts.flatMap(({ children }) => children.map((field) => `${before}.${nameOf(field)}`))
}
