import { parentPort, workerData } from 'node:worker_threads'
import { parseText, type TextFormat } from './text-parser.ts'

const { format, text } = workerData as { format: TextFormat; text: string }
parentPort?.postMessage(parseText(format, text))
