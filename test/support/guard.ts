/**
 * Ends what a test process leaves running when it is killed itself, even by SIGKILL, which no handler of its own can see. A
 * shell beside it waits on a pipe: a line means that all is in order, the end without one that whoever held it is gone.
 */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/** Runs `script` by `sh`, with `$1` and so on, if this process ends before what is returned was called. */
export function guard(script: string, ...args: readonly string[]): () => void {
  // A session of its own, so that an interrupt from the terminal does not reach it.
  const shell = spawn('sh', ['-c', `read -r over || { ${script}; }`, 'sh', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  // Where there is no such shell, nothing is guarded.
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  shell.unref()
  // A pipe to a child is a socket, whatever the types say.
  const pipe = shell.stdin as Partial<Socket>
  pipe.unref?.()
  return () => shell.stdin.end('over\n')
}
