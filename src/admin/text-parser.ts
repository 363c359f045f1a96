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
const maxHeapMiB = 1_024
const maxWaiting = 16

/** Texts of a lane are read one after the other, so that a large one holds up only its like, and none for longer. */
interface Lane {
  upToLength: number
  parseMs: number
}
/** What takes longer than such a text does on a busy machine is made to. */
const lanes: readonly Lane[] = [
  { upToLength: 512 * 1024, parseMs: 10_000 },
  { upToLength: Number.POSITIVE_INFINITY, parseMs: 30_000 },
]

export function parseText(format: TextFormat, text: string): ParsedText {
  return format === 'json' ? parseJson(text) : parseYaml(text)
}

export function createTextParser(): TextParser {
  const closing = new AbortController()
  const queues = lanes.map((lane) => ({ lane, ...createQueue(lane, closing.signal) }))
  return {
    async parse(format, text) {
      if (text.length <= inlineLength) return parseText(format, text)
      return queues.find(({ lane }) => text.length <= lane.upToLength)!.inTurn(format, text)
    },
    async close() {
      closing.abort()
      await Promise.all(queues.map(({ idle }) => idle()))
    },
  }
}

function createQueue({ parseMs }: Lane, signal: AbortSignal) {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return {
    async inTurn(format: TextFormat, text: string): Promise<ParsedText> {
      if (waiting >= maxWaiting)
        throw refusal('unavailable', 'Too many large bodies wait to be read.', 'try again later')
      waiting++
      const mine = last.then(() => parseOnWorker(format, text, parseMs, signal))
      last = mine.catch(() => undefined)
      try {
        return await mine
      } finally {
        waiting--
      }
    },
    idle: () => last,
  }
}

/** A worker lives for one text: whatever the text makes it allocate or compute ends with it. */
function parseOnWorker(
  format: TextFormat,
  text: string,
  parseMs: number,
  signal: AbortSignal,
): Promise<ParsedText> {
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
