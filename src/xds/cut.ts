import { constants, type Http2Stream } from 'node:http2'

/**
 * Ends a call at once, with whatever is still to be written to it: a status would have to wait behind that. grpc-js has no
 * word for this, so that its stream is taken from where it keeps it (`test/xds/slow.test.ts` says whether it is there).
 */
export function cut(call: object): void {
  const { call: inner } = call as { call?: { stream?: Http2Stream } }
  inner?.stream?.close(constants.NGHTTP2_CANCEL)
}
