import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Observe } from '../observe.ts'
import { consoleObserver } from '../observers/console.ts'
import { logObserver } from '../observers/log.ts'
import type { Settings } from '../settings/settings.ts'
import type { Progress } from './progress.ts'

const logLimit = 10 * 1024 * 1024

/**
 * Under `serve` the log goes to standard output, as containers want it; under `up` to a file of the data dir,
 * and a person at the terminal sees what matters.
 */
export function createObservers(settings: Settings, progress: Progress): Observe {
  if (settings.command === 'serve')
    return logObserver(pino.destination({ fd: 1, sync: true }), settings.logLevel)
  const file = join(settings.dataDir, 'log', 'weir.log')
  mkdirSync(join(settings.dataDir, 'log'), { recursive: true, mode: 0o700 })
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > logLimit) renameSync(file, `${file}.1`)
  const log = logObserver(pino.destination({ dest: file, sync: true, mode: 0o600 }), settings.logLevel)
  return both(log, consoleObserver(progress.line))
}

/** Tells both of each event. */
export function both(one: Observe, other: Observe): Observe {
  return (event) => {
    one(event)
    other(event)
  }
}
