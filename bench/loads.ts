import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { projectRoot } from '../src/project-root.ts'
import type { Door, Who } from './attack-asks.ts'
import type { LoadSeen } from './attack-load.ts'

export interface Load {
  who: Who
  /** Requests a second. */
  rate: number
  inFlight: number
}

/** A load that is ready to begin: it does so once it is sent `begin`. */
export async function startLoad(door: Door, port: number, load: Load): Promise<ChildProcess> {
  const options = Object.entries({ door, port, ...load }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const child = fork(join(projectRoot, 'bench', 'attack-load.ts'), options)
  await message(child)
  return child
}

/** Ends it, and answers what it saw. */
export async function endLoad(child: ChildProcess): Promise<LoadSeen> {
  child.send('end')
  return (await message(child)) as LoadSeen
}

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve).once('exit', (code) => reject(new Error(`a load ended with ${code}`)))
  })
}
