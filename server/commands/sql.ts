/** `cli sql`: one statement in the server's database, its rows as a JSON array. */
import { Readable, Writable } from 'node:stream'
import type { Config } from '../config.ts'
import { joinDatabase } from '../db.ts'
import { createLogger } from '../observability/logger.ts'
import { UsageError } from './command.ts'

export async function runStatement(config: Config, args: readonly string[]): Promise<string> {
  const [statement, ...rest] = args
  if (statement === undefined || rest.length > 0) throw new UsageError('sql takes one statement, in quotes.')
  const database = await joinDatabase(config, createLogger('error'))
  try {
    const answer: unknown = await database.sql.unsafe(statement)
    if (Array.isArray(answer)) return `${JSON.stringify([...answer], plainValue)}\n`
    // The driver answers a copy with a stream, whatever its types say.
    if (answer instanceof Readable || answer instanceof Writable) answer.on('error', () => undefined).destroy()
    throw new UsageError('sql does not copy from stdin or to stdout: read with select, write with insert.')
  } finally {
    await database.close()
  }
}

/** Bytes as Postgres writes them, `\\x` and hexadecimal digits; everything else as JSON does. */
function plainValue(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const raw = this[name]
  return raw instanceof Uint8Array ? `\\x${Buffer.from(raw).toString('hex')}` : value
}
