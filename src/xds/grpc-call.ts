import { constants, type Http2Stream } from 'node:http2'

/**
 * Two things for which grpc-js has no word, so that they are done where it keeps what they are about. Where it keeps that
 * elsewhere nothing is done: `test/xds/slow.test.ts` says so.
 */
interface Inner {
  readonly call?: {
    readonly stream?: Http2Stream
    readonly decoder?: { readState: number; readPartialMessage: Buffer[]; readCompressFlag: Buffer }
  }
}

/** Ends a call at once, with whatever is still to be written to it: a status would have to wait behind that. */
export function cut(call: object): void {
  const { stream } = (call as Inner).call ?? {}
  stream?.close(constants.NGHTTP2_CANCEL)
}

const betweenMessages = 0
const notCompressed = Buffer.alloc(1)

/** Lets go of the bytes of the last request, which would stay until the next one comes: that may be never. */
export function forgetRead(call: object): void {
  const { decoder } = (call as Inner).call ?? {}
  if (decoder?.readState !== betweenMessages) return
  decoder.readPartialMessage = []
  decoder.readCompressFlag = notCompressed
}
