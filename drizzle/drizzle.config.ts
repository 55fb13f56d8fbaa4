import { defineConfig } from 'drizzle-kit'

/**
 * Only for `npm run db:generate`, which compares the tables with the newest snapshot and writes the next migration. A schema
 * that it creates must read `CREATE SCHEMA IF NOT EXISTS`: the journal's own schema is there before the first migration.
 */
export default defineConfig({
  dialect: 'postgresql',
  schema: './drizzle/schema/*.ts',
  out: './drizzle/migrations',
  breakpoints: true,
})
