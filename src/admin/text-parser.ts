import { Worker } from 'node:worker_threads'
import { messageOf } from '../errors.ts'
import { parseJson } from '../model/json.ts'
import { type ParsedText, parseYaml } from '../model/yaml.ts'
import { refusal } from './refusal.ts'

export type TextFormat = 'yaml' | 'json'

export interface TextParser {
  /** Parses on this thread what is small, and on one of its own what would hold up the Envoys' streams. */
  parse(format: TextFormat, text: string): Promise<ParsedText>
  close(): Promise<void>
}

/** Up to this length a text is parsed at once, in about 30 ms. */
const inlineLength = 32 * 1024
const parseMs = 30_000
const maxHeapMiB = 1_024
const maxWaiting = 16

export function parseText(format: TextFormat, text: string): ParsedText {
  return format === 'json' ? parseJson(text) : parseYaml(text)
}

export function createTextParser(): TextParser {
  const closing = new AbortController()
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  async function inTurn(format: TextFormat, text: string): Promise<ParsedText> {
    if (waiting >= maxWaiting)
      throw refusal('unavailable', 'Too many large bodies wait to be read.', 'try again later')
    waiting++
    const mine = last.then(() => parseOnWorker(format, text, closing.signal))
    last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      waiting--
    }
  }

  return {
    parse: async (format, text) =>
      text.length <= inlineLength ? parseText(format, text) : inTurn(format, text),
    async close() {
      closing.abort()
      await last
    },
  }
}

/** A worker lives for one text: whatever the text makes it allocate or compute ends with it. */
function parseOnWorker(format: TextFormat, text: string, signal: AbortSignal): Promise<ParsedText> {
  const file = import.meta.filename.endsWith('.ts') ? './text-worker.ts' : './text-worker.js'
  const { promise, resolve, reject } = Promise.withResolvers<ParsedText>()
  if (signal.aborted) return Promise.reject(refusal('unavailable', 'weir is stopping.', 'try again later'))
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: { format, text },
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB },
  })
  const giveUp = (message: string, remedy: string) => reject(refusal('malformed', message, remedy))
  const stop = () => reject(refusal('unavailable', 'weir is stopping.', 'try again later'))
  const timer = setTimeout(
    () => giveUp(`Reading the body took more than ${parseMs / 1_000} s.`, 'split it into smaller documents'),
    parseMs,
  )
  signal.addEventListener('abort', stop, { once: true })
  worker.once('message', resolve)
  worker.once('error', (error) =>
    giveUp(`The body could not be read: ${messageOf(error)}.`, 'write it flatter, or split it'),
  )
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    return worker.terminate()
  })
}
