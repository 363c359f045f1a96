import { parse } from 'yaml'

/** What of a service the tests look at (Compose Specification, "Services top-level element"). */
export interface Service {
  image: string
  build?: string
  user?: string
  entrypoint?: string[]
  command?: string[]
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  networks?: string[]
  profiles?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test?: string[]; disable?: boolean }
  stop_grace_period?: string
  [other: string]: unknown
}

export interface Compose {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean }>
  volumes: Record<string, object>
}

/** The file as Compose reads it, anchors merged and variables filled in; throws where a required one is missing. */
export function readCompose(text: string, variables: Readonly<Record<string, string>>): Compose {
  return interpolated(parse(text, { merge: true }), variables) as Compose
}

function interpolated(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{([A-Za-z_]\w*):\?([^}]*)\}|\$\$|\$/g, (found, name, message) => {
      if (found === '$$') return '$'
      if (name === undefined) throw new Error(`"${value}": only \${NAME:?message} and $$ are read here`)
      if (!variables[name]) throw new Error(`required variable ${name} is missing a value: ${message}`)
      return variables[name]
    })
  }
  if (Array.isArray(value)) return value.map((each) => interpolated(each, variables))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, interpolated(each, variables)]))
}

/** Values that a person would write to `.env`. */
export const composeVariables = {
  POSTGRES_PASSWORD: '5'.repeat(48),
  WEIR_ADMIN_TOKEN: 'a'.repeat(48),
  WEIR_SECRET_KEY: 'ab'.repeat(32),
}
