import type { Command } from 'commander'
import type { Cli } from './cli.ts'

/** A command under `program`; its action hands its exit code to `done`. */
export type AddCommand = (program: Command, cli: Cli, done: (code: number) => void) => void
