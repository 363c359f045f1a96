import { SecretText } from '../model/secret-text.ts'

/** The clear text of a value, if it is a secret's: for the bytes that go to an Envoy, and nothing else. */
export function inClear(value: object): string | undefined {
  return value instanceof SecretText ? value.reveal() : undefined
}
