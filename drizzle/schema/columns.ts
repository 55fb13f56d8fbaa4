/**
 * What all tables share: the schema for everything internal, and column types that drizzle does not have.
 */
import { sql } from 'drizzle-orm'
import { customType, index, type PgColumn, pgSchema } from 'drizzle-orm/pg-core'

/** Everything that is not one of the customer's own tables. */
export const rapport = pgSchema('rapport')

/**
 * Bytes, as the driver gives and takes them. Storage stays the database's default: most entries are far below the 2 kB at which
 * it would try to compress; larger ones are prose, which shrinks; and on bytes that do not shrink it gives up after 1 kB.
 */
export const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })

/**
 * Text that sorts by its bytes, so that pages and lock order are the same under every locale of the database and on every
 * platform. Ids and tenants are ASCII, so this is also JavaScript's order of strings.
 */
export const key = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' })

/**
 * An index for search by the beginnings of words: of one or several columns together, in the order in which
 * `server/projection/searched-places.ts` names them.
 */
export function wordsIndex(name: string, ...columns: readonly PgColumn[]) {
  const filled = columns.map((column) => sql`coalesce(${column}, '')`)
  return index(name).using('gin', sql`rapport.search_words(${sql.join(filled, sql.raw(" || ' ' || "))})`)
}
