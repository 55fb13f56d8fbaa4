/** What a database that cannot be reached, or does not take what it is asked, means to whoever asked it something. */
import { SyncError } from '@rapport/shared/errors.ts'
import { classifyFailure } from './failures.ts'

/**
 * As the read; a failure of the database becomes `overload`: the same may be asked again. Not what it finds wrong with the
 * question itself: of that it is as well as before, and whoever let the question through was mistaken.
 */
export async function reaching<T>(read: Promise<T>): Promise<T> {
  try {
    return await read
  } catch (cause) {
    if (classifyFailure(cause) === 'data') throw new SyncError('internal', 'the database does not take this', { cause })
    throw new SyncError('overload', 'the database cannot be reached', { cause })
  }
}
