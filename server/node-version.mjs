/**
 * Loaded before the first TypeScript file: the server runs its sources without a build step, which an older Node cannot do.
 * Plain JavaScript on purpose, so that it still runs there and can say so in one sentence.
 */
const needed = [22, 18]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  process.stderr.write(
    `Rapport needs Node ${needed.join('.')} or newer (24 is what it is tested on); this is Node ${process.versions.node}.\n`,
  )
  process.exit(1)
}
