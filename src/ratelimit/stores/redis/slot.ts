/** CRC-16/XMODEM, a byte at a time. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc & 0xffff
})

/**
 * The slot of a cluster that a key is in: that of what stands in its first braces (Redis cluster specification, "Key
 * distribution model" and "Hash tags"). The key is ASCII.
 */
export function slotOfKey(key: string): number {
  let from = key.indexOf('{') + 1
  let to = from === 0 ? -1 : key.indexOf('}', from)
  if (to <= from) {
    from = 0
    to = key.length
  }
  let crc = 0
  for (let index = from; index < to; index++)
    crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ key.charCodeAt(index)]!
  return crc & 16_383
}
