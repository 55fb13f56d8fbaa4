/**
 * The data folder: whatever this server keeps on disk (its key, the embedded database) lies in it, readable by its owner alone.
 * Made, and tried, before anything is kept there, so that a wrong one is named at once and by the variable that chose it.
 */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { SyncError } from '@rapport/shared/errors.ts'

/** Makes the folder unless it is there. Throws a `SyncError` of code `configuration` if it cannot be made or written to. */
export function openDataFolder(path: string): void {
  try {
    makeFolder(path)
    if (!statSync(path).isDirectory()) throw unusable(path, 'is not a folder')
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    if (error instanceof SyncError) throw error
    throw unusable(path, `cannot be made or written to (${(error as NodeJS.ErrnoException).code})`, error)
  }
}

/** Not Node's recursive `mkdir`: where a file system answers ENOENT for a new folder, as /proc does, that tries for ever. */
function makeFolder(path: string): void {
  if (tryFolder(path)) return
  makeFolder(dirname(path))
  if (!tryFolder(path)) throw Object.assign(new Error('no such folder'), { code: 'ENOENT' })
}

/** False if there is nothing to make it in. */
function tryFolder(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && dirname(path) !== path) return false
    // One that exists may be unmakeable for another reason as well (a read-only file system, say): what counts is that it is there.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) throw error
    return true
  }
}

function unusable(path: string, why: string, cause?: unknown): SyncError {
  return new SyncError('configuration', `RAPPORT_DATA_DIR: ${path} ${why}.`, { cause })
}
