/**
 * What guests may make the process hold in memory, all together: requests that are not whole yet or wait, and answers that are not
 * read yet. PGlite hands a whole answer out at once, however slowly it is read, so this is what bounds it. Whoever holds the most
 * has to go, so that one with a small question never pays for another's large one.
 */

/** Enough for an answer of 200 MB. What answers with more wants a cursor. */
export const ALLOWANCE_BYTES = 256 * 1024 * 1024

export interface Borrower {
  /** Bytes. */
  held(): number
  /** Lets go of everything at once. */
  drop(): void
}

export interface Allowance {
  enter(borrower: Borrower): void
  leave(borrower: Borrower): void
  /** Whether this one has to go, after all who hold more than it have. */
  exceededBy(borrower: Borrower): boolean
}

export function createAllowance(limit: number): Allowance {
  const borrowers = new Set<Borrower>()
  return {
    enter: (borrower) => void borrowers.add(borrower),
    leave: (borrower) => void borrowers.delete(borrower),
    exceededBy(borrower) {
      for (;;) {
        let total = 0
        let most = borrower
        for (const one of borrowers) {
          total += one.held()
          if (one.held() > most.held()) most = one
        }
        if (total <= limit) return false
        if (most === borrower) return true
        borrowers.delete(most)
        most.drop()
      }
    },
  }
}
