// Plain JavaScript that runs on Node 20, before anything is installed.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Runs a program in the foreground: forwards SIGINT, SIGTERM and SIGHUP to it, and outlives it.
 * Resolves with its exit code, or 128 + n where signal n ended it; rejects when it cannot be started.
 * With `capture`, its standard error (the last 16 KiB) is collected instead of shown.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, capture?: boolean, stdout?: 'inherit' | 'pipe' | 'ignore' }} [options]
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
 */
export function run(file, args, { env = process.env, cwd, capture = false, stdout = 'inherit' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, cwd, stdio: ['inherit', stdout, capture ? 'pipe' : 'inherit'] })
    const text = { stdout: '', stderr: '' }
    for (const name of /** @type {const} */ (['stdout', 'stderr'])) {
      child[name]?.setEncoding('utf8').on('data', (chunk) => {
        text[name] = (text[name] + chunk).slice(-16384)
      })
    }
    const handlers = forwarded.map((signal) => {
      const handler = () => child.kill(signal)
      process.on(signal, handler)
      return { signal, handler }
    })
    const release = () => {
      for (const { signal, handler } of handlers) process.off(signal, handler)
    }
    child.once('error', (error) => {
      release()
      reject(error)
    })
    child.once('close', (code, signal) => {
      release()
      resolve({ code: code ?? 128 + (signal ? constants.signals[signal] : 0), ...text })
    })
  })
}

/** Writes a line for the person who waits. @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`)
}
