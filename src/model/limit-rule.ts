/** One part of what a limit counts by. A part that a request lacks is a value that no client can send. */
export type KeyPart =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'client_ip' }
  | { readonly kind: 'constant'; readonly value: string }

/** A rate-limit policy as the service applies it. */
export interface LimitRule {
  readonly policy: string
  readonly algorithm: 'fixed_window'
  /** Cost admitted in one window. */
  readonly limit: number
  readonly windowMs: number
  readonly key: readonly KeyPart[]
}

/** What the rate-limit service needs to answer for one gateway's Envoys. */
export interface Limits {
  readonly gateway: string
  readonly revision: number
  /** policy name -> rule */
  readonly rules: ReadonlyMap<string, LimitRule>
}
