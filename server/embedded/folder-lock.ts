/**
 * One opener per data folder: PGlite itself lets a second process in, and both then destroy the data. The lock is SQLite's
 * exclusive lock on an otherwise empty file, held in an open transaction. The operating system releases it with the process,
 * even one killed by SIGKILL, so nothing has to be taken over or judged stale. A small file beside it says who holds the
 * lock and where the local socket is; it informs, and decides nothing.
 *
 * The lock file must not be opened by any other means in this process: closing such a descriptor would drop the lock.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Lets one of several that start at the same instant win, instead of all giving way to each other. */
const RACE_MILLISECONDS = 250
const SQLITE_BUSY = 5

export interface Owner {
  readonly pid: number
  /** Path of the Unix socket on which the database answers. */
  readonly socket: string
}

export interface FolderLock {
  /** What an owner wrote that is gone by now: a socket to clean up behind it. */
  readonly previous: Owner | undefined
  announce(owner: Owner): void
  release(): void
}

/** `undefined` if another process, or another opener in this one, holds the folder. */
export function lockFolder(folder: string): FolderLock | undefined {
  const file = new DatabaseSync(join(folder, 'lock'), { timeout: RACE_MILLISECONDS })
  try {
    file.exec('pragma journal_mode = memory; begin exclusive')
  } catch (error) {
    file.close()
    if ((error as { readonly errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
  return {
    previous: readOwner(folder),
    announce(owner) {
      const draft = join(folder, '.owner.json')
      writeFileSync(draft, JSON.stringify(owner), { mode: 0o600 })
      renameSync(draft, ownerPath(folder))
    },
    release() {
      rmSync(ownerPath(folder), { force: true })
      file.close()
    },
  }
}

/** Who says to hold the folder; may be of a process that is gone. */
export function readOwner(folder: string): Owner | undefined {
  try {
    const { pid, socket } = JSON.parse(readFileSync(ownerPath(folder), 'utf8')) as Partial<Owner>
    return typeof pid === 'number' && typeof socket === 'string' ? { pid, socket } : undefined
  } catch {
    // Absent or half a file: nothing is known, and nothing depends on it.
    return undefined
  }
}

function ownerPath(folder: string): string {
  return join(folder, 'owner.json')
}
