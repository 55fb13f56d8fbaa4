/**
 * How much one update may bring: at least what the largest record allowed can honestly hold, and no more than what the process can
 * take in without others noticing.
 */
/** Levels of shared types in one another: Yjs walks them recursively, and an event passes through each. */
export const MAX_DEPTH = 64

/** What one update may bring. */
export interface Limits {
  /** Two bytes a struct is the least that Yjs can need, nine with a neighbour; a frame of 4 MiB holds fewer than this. */
  readonly structs: number
  /** A device draws one id each time its app starts; a whole record that many people wrote in for years has some hundreds. */
  readonly clients: number
  /** Clients that an update leans on, those of the record that it does not bring included. */
  readonly needed: number
  /** A record type has about ten; Yjs searches all roots of a document whenever it encodes one of their items. */
  readonly roots: number
  /** Elements and texts of rich text: some thousand pages. Each takes a hundred times its bytes in memory. */
  readonly types: number
  readonly depth: number
  /** Bytes of a name: of a root, a key, an attribute, an element. The longest that a declaration allows takes a quarter of it. */
  readonly name: number
  /** From this many structs on it is worth while to look whether one client begins a key again and again. */
  readonly suspicious: number
}

export const LIMITS: Limits = {
  structs: 1_000_000,
  clients: 5_000,
  needed: 50_000,
  roots: 64,
  types: 50_000,
  depth: MAX_DEPTH,
  name: 1024,
  suspicious: 16,
}

const { POSITIVE_INFINITY: ANY_NUMBER } = Number
/** For what the server has stored itself. */
export const NO_LIMITS: Limits = {
  structs: ANY_NUMBER,
  clients: ANY_NUMBER,
  needed: ANY_NUMBER,
  roots: ANY_NUMBER,
  types: ANY_NUMBER,
  depth: ANY_NUMBER,
  name: ANY_NUMBER,
  suspicious: ANY_NUMBER,
}
