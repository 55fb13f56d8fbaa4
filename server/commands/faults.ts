/** `cli faults`: records whose rows cannot be written, and records with values that no column holds. */
import type { Config } from '../config.ts'
import { joinDatabase } from '../db.ts'
import { createLogger } from '../observability/logger.ts'
import { listFaults } from '../projection/fault-list.ts'
import { UsageError } from './command.ts'

export async function printFaults(config: Config, args: readonly string[]): Promise<string> {
  if (args.length > 0) throw new UsageError('faults takes no arguments.')
  const database = await joinDatabase(config, createLogger('error'))
  try {
    return `${JSON.stringify(await listFaults(database.sql))}\n`
  } finally {
    await database.close()
  }
}
