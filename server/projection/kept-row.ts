/** A row that a trigger kept from being written, or a rule: the database accepted the statement and left the row out. No value is named. */
export class KeptRow extends Error {
  constructor(table: string) {
    super(`A trigger on ${table} kept the row from being written.`)
  }
}
