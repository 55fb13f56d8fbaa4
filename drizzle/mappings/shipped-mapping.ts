/** A mapping and the tables that it fills. */
import type { Mapping } from '@rapport/shared/mapping/mapping.ts'
import type { PgTable } from 'drizzle-orm/pg-core'

export interface ShippedMapping {
  readonly mapping: Mapping
  readonly tables: readonly PgTable[]
}
