/** An entry and where it leaves the keys, in words: for whoever looks into a failed run. */
import type * as Y from 'yjs'
import type { Judgement } from '../../../server/access/judge.ts'
import type { JudgedEntry } from '../../../server/log/entry.ts'
import type { ItemId } from '../../../server/log/findings.ts'
import type { Waiting } from './instance.ts'
import { type Notebook, valueAt, type Write } from './notebook.ts'

export function describeEntry(entry: JudgedEntry, document: Y.Doc, notebook: Notebook): string {
  const { marks, conflicts, withdrawn, settled } = entry.findings
  const lines = [`entry ${entry.previous.sequence + 1}`]
  for (const { standsFor, cleared, ...mark } of marks)
    lines.push(
      `  mark ${nameOf(mark)}+${mark.length} for ${standsFor ? nameOf(standsFor) : 'nothing'}${cleared ? ', cleared' : ''}`,
    )
  for (const { id, kept, replaced } of conflicts)
    lines.push(`  conflict ${id}: ${JSON.stringify(replaced.value)} ${nameOf(replaced.item)} lost to ${nameOf(kept.item)}`)
  for (const id of withdrawn) lines.push(`  withdrawn ${id}`)
  for (const { id } of settled) lines.push(`  settled ${id}`)
  for (const [place, writes] of notebook.writes) {
    lines.push(`  ${place.path.join('/')} shows ${JSON.stringify(valueAt(document, place))}`)
    for (const write of writes) lines.push(`    ${describeWrite(write, writes)}`)
  }
  return lines.join('\n')
}

export function describeVerdicts(batch: readonly Waiting[], { verdicts }: Judgement): string {
  const lines = verdicts.map((verdict, index) => {
    const waiting = batch[index]
    const who = waiting === undefined ? '' : whoSent(waiting)
    const issues = verdict.type === 'admitted' ? verdict.issues.map(({ path, code }) => `${path.join('/')} ${code}`) : []
    return `  from ${who}: ${verdict.type} ${issues.join(', ')}`
  })
  return lines.join('\n')
}

function describeWrite(write: Write, among: readonly Write[]): string {
  const { item, author, client, value, clear, permitted, fate, seen } = write
  const what = clear ? 'clear' : String(value)
  const before = [...seen].map((one) => among.indexOf(one)).join(' ')
  const place = item === undefined ? `by client ${client}` : nameOf(item)
  return `#${among.indexOf(write)} ${author.sub} ${place} ${what}${permitted ? '' : ' REFUSED'} ${fate}, has seen [${before}]`
}

const nameOf = ({ client, clock }: ItemId): string => `${client}:${clock}`

function whoSent(waiting: Waiting): string {
  if ('intent' in waiting) return 'the server'
  const { from } = 'from' in waiting ? waiting : waiting.message
  return `${from.document.clientID}${'from' in waiting ? '' : ', in part'}`
}
