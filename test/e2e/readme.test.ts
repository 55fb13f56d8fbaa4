/** What the README tells a newcomer to paste, pasted. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startTestServer } from '../support/server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

test('the two reps of the README run as pasted and end with the same record', async () => {
  const [, pasted = ''] = /```sh\n(node .*?)```/s.exec(readFileSync(`${ROOT}README.md`, 'utf8')) ?? []
  const server = await startTestServer()
  try {
    const env = {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      RAPPORT_URL: `ws://${server.address}`,
      TOKEN: await server.token('ann'),
    }
    const { stdout } = await promisify(execFile)('sh', ['-c', pasted], { cwd: ROOT, env })
    const [ann, bob] = stdout.trim().split('\n')
    expect(ann).toMatch(/^ann: Managing director, Board\. Met at the trade fair\./)
    expect(bob).toBe(ann?.replace('ann', 'bob'))
  } finally {
    await server.stop()
  }
})
