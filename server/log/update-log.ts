/**
 * The log with group commit: gathers the entries of all records while one group is being written, writes them as the next
 * one, and tells each record's room what became of its entry.
 *
 * Guarantees: an entry is reported `committed` only after the database said so (P1). One that fails for its data's sake fails
 * alone, and one whose rows somebody holds waits alone. A transient failure, or an outcome nobody knows, retries the same
 * entries in place: their ids tell a commit that did happen from another writer's entry.
 */
import { type Clock, sleep } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type Compacted, createCompactor } from './compaction.ts'
import type {
  AppendOutcome,
  Claim,
  DurableSequence,
  HeldBack,
  JudgedEntry,
  LogRow,
  Position,
  QuarantineRow,
  SetAsideRow,
  StoredRecord,
} from './entry.ts'
import type { Findings, LedgerRows } from './findings.ts'
import type { ClassifyFailure, LogStore } from './log-store.ts'
import { reaching } from './reaching.ts'

export interface UpdateLog {
  /**
   * Joins the group being gathered and resolves once its outcome is known. Never rejects: a transient failure is retried in
   * place with the same ids for as long as it takes (and shows in `healthy`), anything else is an outcome.
   */
  append(entry: JudgedEntry): Promise<AppendOutcome>
  /** Rejects with `overload` while the database cannot be reached. */
  load(key: RecordKey): Promise<StoredRecord | undefined>
  /** As `LogStore.readAfter`. */
  readAfter(key: RecordKey, after: number, limit: number): Promise<readonly LogRow[]>
  /** As `LogStore.heads`. */
  heads(keys: readonly RecordKey[]): Promise<readonly (Position | undefined)[]>
  /**
   * Rewrites the record's snapshot from its log. Resolves with the new snapshot's position and size, or `undefined` if it was
   * not replaced: somebody else was faster, nothing was new, or it failed (which is logged; the log is whole without it).
   */
  compact(key: RecordKey): Promise<Compacted | undefined>
  /** As `LogStore.ledger`. */
  ledger(key: RecordKey, sequence: number): Promise<LedgerRows>
  /** As `LogStore.bind`. */
  bind(claims: readonly Claim[]): Promise<void>
  quarantine(row: QuarantineRow): Promise<void>
  /** As `LogStore.setAside`. */
  setAside(row: SetAsideRow): Promise<void>
  /** As `LogStore.heldBack`. */
  heldBack(tenant: RecordKey['tenant'], id: string): Promise<HeldBack | undefined>
  /** As `LogStore.dropHeldBack`. */
  dropHeldBack(tenant: RecordKey['tenant'], id: string): Promise<boolean>
  page(tenant: RecordKey['tenant'], type: string, after: string, limit: number): Promise<readonly RecordKey['id'][]>
  /** As `LogStore.hasOthers`. */
  hasOthers(tenant: RecordKey['tenant']): Promise<boolean>
  /** False while a group commit is failing and being retried. */
  healthy(): boolean
  /** Waits for what was appended, up to `milliseconds`; later appends answer `closed`. */
  close(milliseconds: number): Promise<void>
}

export interface UpdateLogDeps {
  readonly store: LogStore
  readonly classify: ClassifyFailure
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /**
   * Milliseconds for which a group goes on gathering when entries were already waiting at the end of the one before: then
   * commits follow each other without a pause, and fewer, larger ones cost the database less. Somebody who writes alone never
   * waits. 0, the default, writes at once.
   */
  readonly gather?: number
}

interface Appended {
  readonly entry: JudgedEntry
  readonly resolve: (outcome: AppendOutcome) => void
}

/** Caps of one group: rows, bytes of update, and rows of findings; the first entry may exceed the latter two alone. */
const GROUP_ROWS = 500
const GROUP_BYTES = 4 * 1024 * 1024
const GROUP_FINDINGS = 10_000

/** Milliseconds between attempts, doubling. */
const FIRST_RETRY = 50
const LAST_RETRY = 2_000

/** A position that was read back from the log has been committed. */
export function durable(position: Position): DurableSequence {
  return position.sequence as DurableSequence
}

export function createUpdateLog({ store, classify, clock, log, metrics, gather = 0 }: UpdateLogDeps): UpdateLog {
  const batchSize = metrics.histogram(
    'rapport_commit_batch_size',
    'Entries in one group commit',
    [1, 2, 5, 10, 20, 50, 100, 200, 500],
  )
  const seconds = metrics.histogram(
    'rapport_commit_seconds',
    'How long a group commit took, retries included',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
  )
  const compactor = createCompactor(store, log, clock)
  let gathering: Appended[] = []
  let writing: Promise<void> | undefined
  const lanes = new Set<Promise<void>>()
  let failing = false
  let closed = false

  async function writeGroups(): Promise<void> {
    while (gathering.length > 0) {
      const group = takeGroup()
      const start = clock.elapsed()
      await write(group)
      batchSize.observe(group.length)
      seconds.observe((clock.elapsed() - start) / 1000)
      if (gather > 0 && gathering.length > 0) await sleep(clock, gather)
    }
    writing = undefined
  }

  function takeGroup(): Appended[] {
    let bytes = 0
    let found = 0
    let rows = 0
    for (const { entry } of gathering) {
      bytes += entry.update.length
      found += rowsOf(entry.findings)
      if (rows > 0 && (rows >= GROUP_ROWS || bytes > GROUP_BYTES || found > GROUP_FINDINGS)) break
      rows += 1
    }
    const group = gathering.slice(0, rows)
    gathering = gathering.slice(rows)
    return group
  }

  /**
   * Ends when every entry of the group has its outcome, or waits for it by itself. `uncertain`: an earlier attempt may have been
   * committed after all. `apart`: this is an entry that waits by itself.
   */
  async function write(group: readonly Appended[], uncertain = false, apart = false): Promise<void> {
    for (let pause = FIRST_RETRY; ; pause = Math.min(pause * 2, LAST_RETRY)) {
      try {
        await attempt(group, uncertain)
        if (!apart) failing = false
        return
      } catch (error) {
        const failure = classify(error)
        if (failure === 'data') {
          // Somebody's data was refused and nothing was written: halve the group until the guilty entry stands alone.
          const half = Math.ceil(group.length / 2)
          await write(group.slice(0, half), uncertain)
          await write(group.slice(half), uncertain)
          return
        }
        if (failure === 'contended' && !apart) {
          for (const appended of group) writeApart(appended, uncertain)
          return
        }
        if (failure === 'transient') {
          failing = !apart || failing
          uncertain = true
        }
        log.warn({ err: error, entries: group.length }, 'group commit failed; trying again')
        if (closed) {
          for (const { resolve } of group) resolve({ type: 'closed' })
          return
        }
        await sleep(clock, pause)
      }
    }
  }

  /**
   * Somebody holds a row that one of these needs, which nobody else must wait for. Order is not lost: a record has one entry on
   * its way at a time.
   */
  function writeApart(appended: Appended, uncertain: boolean): void {
    const lane: Promise<void> = write([appended], uncertain, true).finally(() => lanes.delete(lane))
    lanes.add(lane)
  }

  /** Throws if no outcome is known yet. */
  async function attempt(group: readonly Appended[], uncertain: boolean): Promise<void> {
    const entries = group.map((appended) => appended.entry)
    let admitted: ReadonlySet<string> = new Set()
    let refusal: unknown
    try {
      admitted = await store.insert(entries)
    } catch (error) {
      if (classify(error) !== 'data' || group.length > 1) throw error
      refusal = error
    }
    const missing = entries.filter((entry) => !admitted.has(entry.id))
    // An entry that an earlier attempt did commit stands in the way of its own repetition.
    const stored = uncertain && missing.length > 0 ? await store.stored(missing) : admitted
    for (const { entry, resolve } of group) {
      if (admitted.has(entry.id) || stored.has(entry.id)) {
        resolve({ type: 'committed', sequence: (entry.previous.sequence + 1) as DurableSequence })
      } else if (refusal === undefined) resolve({ type: 'outrun' })
      else {
        log.error({ err: refusal, type: entry.key.type, id: entry.key.id }, 'the database refuses an entry')
        resolve({ type: 'refused', reason: 'the database refuses this entry' })
      }
    }
  }

  return {
    append(entry) {
      if (closed) return Promise.resolve({ type: 'closed' })
      return new Promise((resolve) => {
        gathering.push({ entry, resolve })
        writing ??= writeGroups()
      })
    },
    load: (key) => reaching(store.load(key)),
    readAfter: (key, after, limit) => reaching(store.readAfter(key, after, limit)),
    heads: (keys) => reaching(store.heads(keys)),
    compact: (key) => compactor.compact(key),
    ledger: (key, sequence) => reaching(store.ledger(key, sequence)),
    bind: (claims) => reaching(store.bind(claims)),
    quarantine: (row) => reaching(store.quarantine(row)),
    setAside: (row) => reaching(store.setAside(row)),
    heldBack: (tenant, id) => reaching(store.heldBack(tenant, id)),
    dropHeldBack: (tenant, id) => reaching(store.dropHeldBack(tenant, id)),
    page: (tenant, type, after, limit) => reaching(store.page(tenant, type, after, limit)),
    hasOthers: (tenant) => reaching(store.hasOthers(tenant)),
    healthy: () => !failing,
    async close(milliseconds) {
      const deadline = sleep(clock, milliseconds)
      await Promise.race([Promise.all([writing, ...lanes]), deadline])
      closed = true
      for (const { resolve } of gathering.splice(0)) resolve({ type: 'closed' })
    },
  }
}

function rowsOf({ marks, clients, changes, conflicts, withdrawn, settled }: Findings): number {
  return marks.length + clients.length + changes.length + conflicts.length + withdrawn.length + settled.length
}
