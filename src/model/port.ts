import { Type } from 'typebox'

/** Schema of a TCP port. */
export function Port(description: string, example: number) {
  return Type.Integer({ description, minimum: 1, maximum: 65535, examples: [example] })
}
