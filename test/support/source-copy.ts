/**
 * A copy of the sources in a folder of its own, as a developer has it after `npm ci`: packages are shared with the original, the
 * workspaces are the copy's. What a test changes in it stays in it.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SCOPE = '@rapport'

export interface SourceCopy {
  /** Ends with a slash. */
  readonly folder: string
  remove(): void
}

/** Of all files that are under version control, or could be, in the state that they are in now. */
export function copySources(): SourceCopy {
  const folder = `${mkdtempSync(join(tmpdir(), 'rapport-sources-'))}/`
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  for (const path of new Set(listed.split('\0'))) {
    if (path === '') continue
    mkdirSync(dirname(folder + path), { recursive: true })
    cpSync(ROOT + path, folder + path)
  }
  const modules = `${folder}node_modules/`
  mkdirSync(`${modules}${SCOPE}`, { recursive: true })
  for (const name of readdirSync(`${ROOT}node_modules`)) {
    if (name !== SCOPE) symlinkSync(`${ROOT}node_modules/${name}`, modules + name)
  }
  for (const name of readdirSync(`${ROOT}node_modules/${SCOPE}`)) symlinkSync(folder + name, `${modules}${SCOPE}/${name}`)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
