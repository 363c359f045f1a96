import type { Problem } from '../errors.ts'
import { bytes, Size } from './size.ts'

/** What a gateway takes that says nothing, as Envoy does. */
const headerBytes = '60KiB'

export const MaxRequestHeaderBytes = Size({
  description:
    'Largest request line and headers together, in whole KiB; larger ones get a 431. Services behind must take as much.',
  default: headerBytes,
  atLeast: '1KiB',
  atMost: '1MiB',
  examples: ['60KiB'],
})

export const MaxUrlBytes = Size({
  description:
    'Longest path with its query; longer ones get a 414. Without it `maxRequestHeaderBytes` alone bounds them, with a 431.',
  atLeast: '64B',
  atMost: '1MiB',
  examples: ['8KiB'],
})

/** Envoy counts headers in KiB, and looks at a URL when all headers are there. */
export function headerSizeProblems(spec: {
  maxRequestHeaderBytes?: string
  maxUrlBytes?: string
}): Problem[] {
  const { maxRequestHeaderBytes: headers = headerBytes, maxUrlBytes: url } = spec
  if (bytes(headers) % 1024 !== 0) {
    const message = `${headers} is not a whole number of KiB`
    return [{ pointer: '/spec/maxRequestHeaderBytes', message, remedy: 'write KiB or MiB, as in 64KiB' }]
  }
  if (url === undefined || bytes(url) < bytes(headers)) return []
  const message = `a URL of ${url} does not fit into headers of ${headers}`
  const remedy = 'write a smaller size, or a larger maxRequestHeaderBytes'
  return [{ pointer: '/spec/maxUrlBytes', message, remedy }]
}
