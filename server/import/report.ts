/**
 * What an import did, for people and for scripts. It names lines, columns and reasons, and never a value of anybody. Lists end after
 * `MAX_LISTED`; what is left out of them is counted.
 */

export const MAX_LISTED = 1_000

export interface ImportReport {
  readonly format: string
  readonly encoding: string
  /** Entries that could be read: those created, those that exist, those deleted in Rapport, and repetitions. */
  readonly read: number
  readonly created: number
  /** Left exactly as they are. */
  readonly existing: number
  /** Imported once, and deleted or erased since: they stay so. */
  readonly deleted: number
  /** Lines that say the same as an earlier one. */
  readonly duplicates: readonly { readonly line: number; readonly sameAs: number }[]
  /** `linked`: how many of the people created now have an account. */
  readonly accounts: { readonly created: number; readonly linked: number }
  readonly skipped: readonly { readonly line: number; readonly reason: string }[]
  /** Values that do not fit the field of their column and are in the summary instead. */
  readonly moved: readonly { readonly line: number; readonly column: string; readonly reason: string }[]
  /** Every column with a value in it, and where it goes. */
  readonly columns: readonly { readonly column: string; readonly to: readonly string[] }[]
  readonly notes: readonly string[]
}

/** A list that stops growing, and knows how long it would be. */
export class Listed<T> {
  readonly items: T[] = []
  count = 0

  add(item: T): void {
    this.count += 1
    if (this.items.length < MAX_LISTED) this.items.push(item)
  }

  /** Nothing, or a sentence about those left out. */
  rest(what: string): readonly string[] {
    const left = this.count - this.items.length
    return left === 0 ? [] : [`${what} beyond those listed: ${left}.`]
  }
}

/** Where each column goes, as it turns out. */
export class ColumnUse {
  readonly #targets = new Map<string, Set<string>>()

  note(column: string, target: string): void {
    const targets = this.#targets.get(column)
    if (targets !== undefined) targets.add(target)
    else if (this.#targets.size < MAX_LISTED) this.#targets.set(column, new Set([target]))
  }

  list(): ImportReport['columns'] {
    return [...this.#targets].map(([column, targets]) => ({ column, to: [...targets] }))
  }
}
