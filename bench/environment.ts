/** Where and on what a measurement was taken: without this a figure means nothing to the next reader. */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'

export interface Surroundings {
  readonly commit: string
  readonly node: string
  readonly platform: string
  readonly machine: string
}

export function describeSurroundings(): Surroundings {
  const [cpu] = cpus()
  return {
    commit:
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ', changed'),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    machine: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown CPU'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  }
}

function git(...args: readonly string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
