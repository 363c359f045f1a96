/** One part of what a limit counts by. A part that a request lacks is a value that no client can send. */
export type KeyPart = { readonly kind: 'constant'; readonly value: string } | RequestPart

/** A part that the request itself says. Names of headers are in lower case. */
export type RequestPart =
  | { readonly kind: 'header' | 'query' | 'cookie' | 'jwt_claim'; readonly name: string }
  | {
      readonly kind: 'client_ip' | 'consumer' | 'plan' | 'path' | 'method' | 'route' | 'client_certificate'
    }

/** The numbers of an algorithm. Spans are whole milliseconds, everything else is in cost. */
export type LimitNumbers =
  | {
      readonly algorithm: 'fixed_window' | 'sliding_window'
      readonly limit: number
      readonly windowMs: number
    }
  | {
      readonly algorithm: 'token_bucket'
      readonly capacity: number
      readonly refill: { readonly tokens: number; readonly everyMs: number }
    }
  | {
      readonly algorithm: 'leaky_bucket'
      /** Cost that may wait for its turn; one more is never kept waiting. */
      readonly queue: number
      readonly rate: { readonly requests: number; readonly everyMs: number }
    }

/** Other numbers, all of them, for the requests of which one part has a value. */
export interface LimitOverride {
  readonly part: RequestPart
  readonly value: { readonly exact: string } | { readonly prefix: string } | { readonly cidr: string }
  readonly numbers: LimitNumbers
}

/** What a refused client gets. Texts may hold placeholders. */
export interface DeniedResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Who decides while the store of the counters is away: each replica by its share, or nobody, and all pass or all are
 * refused.
 */
export type OnStoreFailure = 'local' | 'allow' | 'deny'

/** A rate-limit policy as the service applies it, its defaults filled in. */
export interface LimitRule {
  readonly policy: string
  readonly key: readonly KeyPart[]
  readonly numbers: LimitNumbers
  /** The numbers, all of them, for the consumers of a plan, by its name. */
  readonly plans: ReadonlyMap<string, LimitNumbers>
  /** As written. The most specific that matches beats a plan; of equals, the first. */
  readonly overrides: readonly LimitOverride[]
  /** `shared`: all requests without a part share one counter, `skip`: they are not limited, `deny`: they are refused. */
  readonly onMissing: 'shared' | 'skip' | 'deny'
  /** What a request counts, or the header that says it. */
  readonly cost: number | { readonly header: string }
  readonly mode: 'enforce' | 'shadow'
  /** Share of the keys for which the policy is enforced; it is shadow for the rest. */
  readonly percent: number
  readonly response: DeniedResponse
  /** Whether clients get `x-ratelimit-*` headers, too. */
  readonly xRateLimitHeaders: boolean
  readonly onStoreFailure: OnStoreFailure
}

/** All that the rate-limit service needs to know: counters are the whole fleet's, and so are the rules. */
export interface Limits {
  readonly revision: number
  /** Names of the gateways, the domains of their requests. */
  readonly gateways: ReadonlySet<string>
  /** policy name -> rule */
  readonly rules: ReadonlyMap<string, LimitRule>
  /** consumer -> the plan that it is on */
  readonly plans: ReadonlyMap<string, string>
  /** What carries credentials, as `header:x-api-key`, `query:api_key`: such values are never shown. */
  readonly credentials: ReadonlySet<string>
}
