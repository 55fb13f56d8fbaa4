/**
 * One server in a process of its own: started, waited for until it says where it listens, stopped by its id, and gone when the
 * process that started it is. What it writes to stderr is kept and shown only if it does not start.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { guard } from './guard.ts'

/** Paths in arguments are taken from the repository root. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface ServerProcess {
  readonly pid: number
  /** `HOST:PORT`. */
  readonly address: string
  /** SIGTERM, and SIGKILL for one that has not ended after ten seconds. */
  stop(): Promise<void>
  /** SIGKILL: no farewell, and whatever was not on its way to the kernel is gone. Resolves once the process is gone. */
  kill(): Promise<void>
}

const START_LIMIT = 60_000
const STOP_LIMIT = 10_000
const KEPT_STDERR = 8_192

/**
 * Starts `node ...args` with these variables added to the environment. Rejects if no address is announced in time. `folder` is
 * where the sources are, if not here.
 */
export function startServer(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  folder = ROOT,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const release = guard('kill -KILL "$1"', String(child.pid))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void ended.then(release)
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-KEPT_STDERR)
  })

  async function stop(): Promise<void> {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT)
    child.kill('SIGTERM')
    await ended
    clearTimeout(timer)
  }

  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await ended
  }

  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill('SIGKILL')
      reject(new Error(`${args.at(-1)} ${why}\n${stderr}`))
    }
    const timer = setTimeout(() => fail('did not start in time'), START_LIMIT)
    child.once('exit', () => fail('ended before it listened'))
    child.once('error', (error) => fail(error.message))
    createInterface(child.stdout).on('line', (line) => {
      const address = /listening on http:\/\/(\S+:\d+)/.exec(line)?.[1]
      if (address === undefined || child.pid === undefined) return
      clearTimeout(timer)
      resolve({ pid: child.pid, address, stop, kill })
    })
  })
}
