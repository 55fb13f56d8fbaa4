/**
 * Breaks one line of the server at a time, in a copy, and runs the simulation on it: each rule below must be missed. Prints which
 * seed noticed; ends with exit code 1 if a broken rule went unnoticed. `npm run soak:mutations -- --seeds 1500`.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

interface Mutation {
  readonly rule: string
  readonly file: string
  readonly line: string
  readonly broken: string
}

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

const MUTATIONS: readonly Mutation[] = [
  {
    rule: 'P1: an entry is reported committed only after the database said so',
    file: 'server/log/update-log.ts',
    line: 'gathering.push({ entry, resolve })',
    broken:
      "gathering.push({ entry, resolve })\n        resolve({ type: 'committed', sequence: (entry.previous.sequence + 1) as DurableSequence })",
  },
  {
    rule: 'P2: reads wait for the gap',
    file: 'server/document/reading.ts',
    line: 'if (!state.busy && reads.serveNow(served)) return',
    broken: 'if (reads.serveNow(served)) return',
  },
  {
    rule: 'an outrun document is thrown away',
    file: 'server/document/room.ts',
    line: 'inbox.putBack(flight.batch)\n        return void log.reload()',
    broken: 'inbox.putBack(flight.batch)\n        return resume()',
  },
  {
    rule: 'what was outrun is judged again',
    file: 'server/document/room.ts',
    line: 'inbox.putBack(flight.batch)\n        return void log.reload()',
    broken: 'return void log.reload()',
  },
  {
    rule: "a rebuilt document is written under a new client id of the server's",
    file: 'server/document/catch-up.ts',
    line: 'server.renew()',
    broken: '',
  },
  {
    rule: 'an entry is admitted only behind the very entry it was judged against',
    file: 'test/support/memory-log-store.ts',
    line: 'head.sequence === entry.previous.sequence && head.entry === entry.previous.entry',
    broken: 'head.sequence === entry.previous.sequence',
  },
  {
    rule: 'an unknown outcome is looked up before anything is judged again',
    file: 'server/log/update-log.ts',
    line: 'uncertain && missing.length > 0 ? await store.stored(missing) : admitted',
    broken: 'admitted',
  },
  {
    rule: 'an update with a gap is not applied',
    file: 'server/access/submission-judgement.ts',
    line: 'if (hasGap(update, known)) return GAP',
    broken: '',
  },
  {
    rule: 'nothing stays parked in a live document',
    file: 'server/access/judge.ts',
    line: "if (dropPending(document)) throw new Error('an update left structs pending that the scan had seen complete')",
    broken: '',
  },
  {
    rule: 'of several submissions only the guilty one is refused',
    file: 'server/document/room.ts',
    line: 'only === undefined || more.length > 0',
    broken: 'only === undefined',
  },
  {
    rule: "one record's refused entry does not fail another record's commit",
    file: 'server/log/update-log.ts',
    line: "if (classify(error) !== 'data' || group.length > 1) throw error",
    broken: "if (classify(error) !== 'data') throw error",
  },
  {
    rule: 'stored entries are applied without any change of our own',
    file: 'server/log/replay.ts',
    line: 'transaction.local = true',
    broken: 'void transaction',
  },
  {
    rule: "formatting that a reader's client tidies up is no offence",
    file: 'server/access/submission-judgement.ts',
    line: '!(struct instanceof Y.Item && struct.content instanceof Y.ContentFormat)',
    broken: 'true',
  },
  {
    rule: "after a restore others' items are taken as relayed",
    file: 'server/document/ledger-keeper.ts',
    line: 'take(rows)\n',
    broken: 'take({ ...rows, restored: false })\n',
  },
  {
    rule: 'a reader is not turned away for news that another instance has',
    file: 'server/document/verdicts.ts',
    line: 'if (final) tell(waiting, verdict)',
    broken: "if (final || verdict.type === 'refused') tell(waiting, verdict)",
  },
  {
    rule: 'every submission is settled once',
    file: 'server/document/verdicts.ts',
    line: 'subscriber.settled(1, bytes)\n    if (verdict.type',
    broken: "if (verdict.type !== 'known') subscriber.settled(1, bytes)\n    if (verdict.type",
  },
  {
    rule: 'when history was replaced, clients are asked for what the log has lost',
    file: 'server/document/catch-up.ts',
    line: 'members.askWriters(replica.stateVector())',
    broken: '',
  },
  {
    rule: 'a gap is answered with a question',
    file: 'server/document/verdicts.ts',
    line: "else if (verdict.type === 'gap') members.ask(subscriber, state.record.replica.stateVector())",
    broken: '',
  },
  {
    rule: 'a hint is taken in only behind the entry it follows',
    file: 'server/document/catch-up.ts',
    line: 'const next = hint.previous.entry === position.entry && hint.previous.sequence === position.sequence',
    broken: 'const next = true',
  },
  {
    rule: 'heads are read, since hints may be lost',
    file: 'server/document/room.ts',
    line: 'state.record.position.entry === asOf.entry) log.compare(head)',
    broken: 'head === asOf) log.compare(head)',
  },
  {
    rule: 'an author without echo is spared only what it sent alone',
    file: 'server/document/verdicts.ts',
    line: 'return authors.size === 1 && only?.echo === false ? only : undefined',
    broken: 'return only?.echo === false ? only : undefined',
  },
  {
    rule: 'answers are encoded anew once the document has moved on',
    file: 'server/document/replica.ts',
    line: 'this.#vector = undefined\n    this.#forgetDiffs()\n  }\n\n  stateVector',
    broken: 'this.#vector = undefined\n  }\n\n  stateVector',
  },
  {
    rule: 'entries missed while outrun are delivered',
    file: 'server/document/catch-up.ts',
    line: 'if (rows.at(-1)?.position.entry === position.entry) deliver(rows)',
    broken: 'if (rows.at(-1)?.position.entry === position.entry) void 0',
  },
]

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '1500' }, only: { type: 'string' } } })
const chosen = MUTATIONS.filter(({ rule }) => values.only === undefined || rule.includes(values.only))
let unnoticed = 0

for (const { rule, file, line, broken } of chosen) {
  const copy = mkdtempSync(join(tmpdir(), 'rapport-mutation-'))
  try {
    for (const part of ['server', 'test', 'package.json']) cpSync(join(ROOT, part), join(copy, part), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    const source = readFileSync(join(copy, file), 'utf8')
    if (source.split(line).length !== 2) throw new Error(`${file} does not hold this line once: ${line}`)
    writeFileSync(
      join(copy, file),
      source.replace(line, () => broken),
    )
    const run = spawnSync(process.execPath, ['test/simulation/soak.ts', '--stop', '--seeds', values.seeds], {
      cwd: copy,
      encoding: 'utf8',
    })
    const [first = ''] = `${run.stdout}${run.stderr}`.split('\n')
    if (run.status === 0) unnoticed += 1
    console.log(`${run.status === 0 ? 'UNNOTICED' : 'noticed  '} ${rule}${run.status === 0 ? '' : `: ${first.slice(0, 100)}`}`)
  } finally {
    rmSync(copy, { recursive: true })
  }
}
console.log(`${chosen.length} rules broken, ${unnoticed} unnoticed`)
process.exitCode = unnoticed > 0 ? 1 : 0
