/** What a database that cannot be reached means to whoever asked it something. */
import { SyncError } from '@rapport/shared/errors.ts'

/** As the read; a failure of the database becomes `overload`: the same may be asked again. */
export async function reaching<T>(read: Promise<T>): Promise<T> {
  try {
    return await read
  } catch (cause) {
    throw new SyncError('overload', 'the database cannot be reached', { cause })
  }
}
