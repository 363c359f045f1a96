import type { TSchema } from 'typebox'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import type { Warning } from './pending.ts'
import type { State } from './state.ts'

/** A place in a document that names another object. */
export interface Reference {
  /** JSON pointer to the naming value, from the document's root. */
  pointer: string
  kind: string
  name: string
  /** The listener meant, where a route names one listener of a gateway (`edge/partners`). */
  listener?: string
  /** Something holds without the object, too; where it is there, it counts. */
  optional?: boolean
  /** Requests are sent there; who names it is not part of it. */
  target?: boolean
}

/** What a state-wide check may know besides the state. */
export interface CheckContext {
  /** Whether weir runs an Envoy for each gateway on this machine, so that two gateways cannot share a port. */
  supervised: boolean
  /** Address of a listener that names none. */
  listenerAddress: string
  /** Where weir itself listens; of interest where the Envoys run beside it. */
  doors?: readonly Door[]
}

/** A socket of weir's own. */
export interface Door {
  title: string
  /** The setting that moves it. */
  setting: string
  /** Port 0 is any free one. */
  address: { host: string; port: number }
}

/** A problem of a written object. */
export interface ProblemOf {
  document: Document
  problem: Problem
}

/**
 * One kind of object: its schema, what it refers to, and what must hold beyond its schema.
 * REST routes, OpenAPI, validation, storage, export and the CLI follow from the list of kinds alone.
 */
export interface Kind {
  readonly kind: string
  /** As in `/v1/{plural}` and as the name of its SQL view, with `-` for `_`. */
  readonly plural: string
  readonly description: string
  /** Schema of `spec`. */
  readonly spec: TSchema
  /** An example document, valid by itself, for the docs. */
  readonly example: { name: string; spec: Record<string, unknown> }
  references(spec: never): Reference[]
  /** What it means that nothing names an object of the kind, where that is most likely not meant. */
  readonly unnamed?: string
  /** Rules inside one document which its schema cannot say. Pointers are from the document's root. */
  check?(document: Document): Problem[]
  /** Rules over the state after a write, asked for each stored object of the kind. */
  checkState?(document: Document, state: State, context: CheckContext): Problem[]
  /**
   * Rules between objects of this kind and others, over the state after a write. `written` are the objects of all kinds
   * that the write brought: each problem is told on one of them.
   */
  checkWrite?(written: readonly Document[], state: State): ProblemOf[]
  /** Documents that are in force without being written, at a state in which they are. */
  builtIn?(state: State): Document[]
  /** What is allowed and most likely not meant, in the state after a write. */
  warnings?(document: Document, state: State): Warning[]
}
