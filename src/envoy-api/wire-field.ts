const lengthDelimited = 2

/** Tag and length of a length-delimited field, both as varints (protobuf encoding, "Length-Delimited Records"). */
export function fieldPrefix(field: number, length: number): Buffer {
  const bytes = [(field << 3) | lengthDelimited]
  let rest = length
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}
