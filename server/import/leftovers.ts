/** What no field can hold: lines for the summary, and for the report what became of which column. */

export interface Moved {
  readonly column: string
  /** Why; without the value. */
  readonly reason: string
}

export class Leftovers {
  readonly lines: string[] = []
  readonly moved: Moved[] = []

  /** `noun` says in the summary what the value was meant to be. */
  keep(column: string, noun: string, value: string, reason: string): void {
    this.lines.push(`Imported: ${noun}: ${value}`)
    this.moved.push({ column, reason })
  }
}
