/**
 * What a process has cost so far, read from Linux's /proc: CPU time of all its threads, and resident memory. Elsewhere, and for
 * a process that is gone, the answer is `undefined`. Resolution is one kernel tick (10 ms), so measure over a second or more.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: fixed at 100 on every architecture that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

/** Fields of /proc/PID/stat behind the command name, counted from 0: state is the first. */
const FIELD = { parent: 1, user: 11, system: 12, reapedUser: 13, reapedSystem: 14, residentPages: 21 } as const

function readStat(pid: number): readonly number[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command name is in parentheses and may hold anything, parentheses included.
    return text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
  } catch {
    return undefined
  }
}

function microseconds(stat: readonly number[], fields: readonly number[]): number {
  const ticks = fields.reduce((sum, field) => sum + (stat[field] ?? 0), 0)
  return (ticks * 1e6) / TICKS_PER_SECOND
}

/** User and system time of all threads of one process, finished threads included, in microseconds. */
export function processCpuMicroseconds(pid: number): number | undefined {
  const stat = readStat(pid)
  return stat === undefined ? undefined : microseconds(stat, [FIELD.user, FIELD.system])
}

/** The same for a process and all its descendants, those that it has waited for included: a Postgres server as a whole. */
export function treeCpuMicroseconds(pid: number): number | undefined {
  const root = readStat(pid)
  if (root === undefined) return undefined
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const child = Number(name)
    const parent = Number.isInteger(child) ? readStat(child)?.[FIELD.parent] : undefined
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), child])
  }
  let sum = 0
  for (const pending = [pid]; pending.length > 0; ) {
    const current = pending.pop() ?? pid
    const stat = readStat(current)
    if (stat !== undefined) sum += microseconds(stat, [FIELD.user, FIELD.system, FIELD.reapedUser, FIELD.reapedSystem])
    pending.push(...(children.get(current) ?? []))
  }
  return sum
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number | undefined {
  const pages = readStat(pid)?.[FIELD.residentPages]
  return pages === undefined ? undefined : pages * PAGE_BYTES
}
