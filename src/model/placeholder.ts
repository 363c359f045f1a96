import type { SecretText } from './secret-text.ts'

/** What is served and trusted in place of a certificate that has no value. The certificates are PEM text. */
export interface Placeholder {
  readonly certificate: string
  readonly privateKey: SecretText
  /** A CA whose key nobody has, so that it vouches for nobody. */
  readonly nobody: string
}
