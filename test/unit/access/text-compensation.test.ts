/**
 * What somebody may not write in a text or a rich text has no effect: whatever stock editors do to it, in whatever mixture, under any
 * client ids, the content stays as it was, and every replica ends up with it by the server's one update.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { clientIds, play, TEXT_ROOTS, type TextEdit, textEdits, unformattedEdits } from '../../support/text-edits.ts'
import { catchUp, device, pending, seen, sent, TextStage } from '../../support/text-stage.ts'

const ROOTS = [
  ['summary', 'text'],
  ['notes', 'richText'],
] as const

const FORBIDDEN = 'geheim'

function content(document: Y.Doc): unknown {
  return ROOTS.map(([name, kind]) => seen(document, name, kind))
}

function stageWith(client: number, server: number, edits: readonly TextEdit[], word = 'Ana'): TextStage {
  const stage = new TextStage(TEXT_ROOTS, server)
  const writer = device(stage, client)
  stage.judge({ update: sent(writer, (document) => play(document, edits, word)), permitted: true })
  return stage
}

/** Exchanges until nobody has anything to say: what replicas tidy up by themselves takes a round. Gives the rounds it took. */
function settle(stage: TextStage, devices: readonly Y.Doc[], permitted: boolean): number {
  for (let round = 1; round < 10; round += 1) {
    for (const document of devices) catchUp(stage, document)
    let spoke = false
    for (const document of devices) {
      if (silent(stage, document)) continue
      spoke = true
      const { findings } = stage.judge({ update: pending(stage, document), permitted })
      expect(findings.some((finding) => finding.compensated)).toBe(false)
    }
    if (!spoke) return round
  }
  return Number.POSITIVE_INFINITY
}

/** Whether a full exchange would change the server's document. */
function silent(stage: TextStage, document: Y.Doc): boolean {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(stage.document))
  let changed = false
  copy.on('update', () => {
    changed = true
  })
  Y.applyUpdate(copy, pending(stage, document))
  copy.destroy()
  return !changed
}

function carries(update: Uint8Array | undefined, word: string): boolean {
  return update !== undefined && Buffer.from(update).includes(word)
}

describe('forbidden edits of texts', () => {
  it('P4: leave the content as it was, in one update that has nothing of them and heals their author', () => {
    const one = fc.tuple(clientIds(4), textEdits(25), textEdits(12), fc.boolean())
    fc.assert(
      fc.property(one, ([[client = 0, server = 0, author = 0, witness = 0], base, edits, gc]) => {
        const stage = stageWith(client, server, base)
        const before = content(stage.document)
        const observer = device(stage, witness)
        const offender = device(stage, author, gc)

        const update = sent(offender, (document) => play(document, edits, FORBIDDEN))
        const { findings, updates } = stage.judge({ update, permitted: false })

        expect(content(stage.document)).toEqual(before)
        expect(updates.length).toBeLessThanOrEqual(1)
        expect(updates.some((emitted) => carries(emitted, FORBIDDEN))).toBe(false)
        for (const { issues, compensated } of findings) {
          expect(issues.map(({ code }) => code)).toEqual(compensated ? ['forbidden'] : [])
        }
        for (const emitted of updates) Y.applyUpdate(observer, emitted, 'server')
        for (const emitted of updates) Y.applyUpdate(offender, emitted, 'server')
        expect(content(observer)).toEqual(before)
        expect(content(offender)).toEqual(before)
        expect(settle(stage, [observer, offender], false)).toBeLessThanOrEqual(3)
        expect(content(stage.document)).toEqual(before)
      }),
      { numRuns: 400 },
    )
  })

  it('P4: cut no character in two, though Yjs does before anybody can judge', () => {
    fc.assert(
      fc.property(clientIds(3), textEdits(15), unformattedEdits(8), ([client = 0, server = 0, author = 0], base, edits) => {
        const stage = stageWith(client, server, base, 'A😀a')
        const before = content(stage.document)
        const offender = device(stage, author)
        const update = sent(offender, (document) => play(document, edits, FORBIDDEN))
        const { updates } = stage.judge({ update, permitted: false })
        expect(updates.length).toBeLessThanOrEqual(1)
        for (const emitted of updates) Y.applyUpdate(offender, emitted, 'server')
        expect(content(stage.document)).toEqual(before)
        expect(content(offender)).toEqual(before)
        expect(settle(stage, [offender], false)).toBeLessThanOrEqual(2)
      }),
      { numRuns: 300 },
    )
  })

  it('P4: are never seen by anybody, not even for the time of the transaction', () => {
    fc.assert(
      fc.property(clientIds(3), textEdits(20), textEdits(8), ([client = 0, server = 0, author = 0], base, edits) => {
        const stage = stageWith(client, server, base)
        const before = content(stage.document)
        const offender = device(stage, author)
        const states: unknown[] = []
        for (const root of [stage.document.getText('summary'), stage.document.getXmlFragment('notes')]) {
          root.observeDeep(() => states.push(content(stage.document)))
        }
        stage.judge({ update: sent(offender, (document) => play(document, edits, FORBIDDEN)), permitted: false })
        for (const state of states) expect(state).toEqual(before)
      }),
      { numRuns: 150 },
    )
  })

  it('P4: do not touch what others wrote before, in the same entry or in one of its own', () => {
    const both = fc.tuple(clientIds(4), textEdits(20), textEdits(6), textEdits(6), fc.boolean())
    fc.assert(
      fc.property(both, ([[client = 0, server = 0, author = 0, honest = 0], base, edits, permitted, together]) => {
        const stage = stageWith(client, server, base)
        const [offender, writer] = [device(stage, author), device(stage, honest)]
        const good = { update: sent(writer, (document) => play(document, permitted, 'Zoë')), permitted: true }
        const bad = { update: sent(offender, (document) => play(document, edits, FORBIDDEN)), permitted: false }
        const wanted = content(writer)

        const { updates } = together
          ? stage.judge(good, bad)
          : { updates: [good, bad].flatMap((one) => stage.judge(one).updates) }

        expect(updates.length).toBeLessThanOrEqual(together ? 1 : 2)
        expect(updates.some((emitted) => carries(emitted, FORBIDDEN))).toBe(false)
        expect(content(stage.document)).toEqual(wanted)
        expect(settle(stage, [offender, writer], false)).toBeLessThanOrEqual(4)
        expect(content(offender)).toEqual(wanted)
      }),
      { numRuns: 400 },
    )
  })

  it('P4: keep the characters that others had typed meanwhile and bring later', () => {
    const inserts = fc.array(fc.record({ at: fc.nat(40), word: fc.constantFrom('[1]', '[2]', '[3]') }), {
      minLength: 1,
      maxLength: 5,
    })
    const erasures = fc.array(fc.record({ at: fc.nat(40), length: fc.integer({ min: 1, max: 30 }) }), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(clientIds(4), inserts, erasures, ([server = 0, author = 0, honest = 0, first = 0], typed, erased) => {
        const base = 'the quick brown fox jumps over it'
        const stage = new TextStage(TEXT_ROOTS, server)
        stage.judge({
          update: sent(device(stage, first), (document) => document.getText('summary').insert(0, base)),
          permitted: true,
        })
        const [offender, writer] = [device(stage, author), device(stage, honest)]
        const bad = sent(offender, (document) => {
          const text = document.getText('summary')
          for (const { at, length } of erased) {
            const start = at % (text.length + 1)
            text.delete(start, Math.min(length, text.length - start))
            text.insert(start, FORBIDDEN)
          }
        })
        const good = sent(writer, (document) => {
          const text = document.getText('summary')
          for (const { at, word } of typed) text.insert(at % (text.length + 1), word)
        })
        stage.judge({ update: bad, permitted: false })
        stage.judge({ update: good, permitted: true })

        const text = stage.document.getText('summary').toString()
        expect([...text].sort().join('')).toEqual([...`${base}${typed.map(({ word }) => word).join('')}`].sort().join(''))
        expect(settle(stage, [offender, writer], false)).toBeLessThanOrEqual(2)
        expect(offender.getText('summary').toString()).toBe(text)
        expect(writer.getText('summary').toString()).toBe(text)
      }),
      { numRuns: 200 },
    )
  })

  it('P3: leave a document that reads the same when it is loaded again', () => {
    fc.assert(
      fc.property(clientIds(3), textEdits(20), textEdits(10), ([client = 0, server = 0, author = 0], base, edits) => {
        const stage = stageWith(client, server, base)
        const log: Uint8Array[] = [Y.encodeStateAsUpdate(stage.document)]
        const offender = device(stage, author)
        for (const edit of edits) {
          const update = sent(offender, (document) => play(document, [edit], FORBIDDEN))
          for (const emitted of stage.judge({ update, permitted: false }).updates) {
            log.push(emitted)
            Y.applyUpdate(offender, emitted, 'server')
          }
        }
        const reloaded = new Y.Doc()
        for (const update of log) Y.applyUpdate(reloaded, update)
        expect(content(reloaded)).toEqual(content(stage.document))
        expect(Y.encodeStateVector(reloaded)).toEqual(Y.encodeStateVector(stage.document))
        expect(carries(Y.mergeUpdates(log), FORBIDDEN)).toBe(false)
      }),
      { numRuns: 150 },
    )
  })

  it('P10: delete the same text over and over without leaving ever more pieces of it', () => {
    const stage = new TextStage(TEXT_ROOTS)
    const writer = device(stage, 1)
    for (let index = 0; index < 200; index += 1) {
      stage.judge({
        update: sent(writer, (document) => document.getText('summary').insert((index * 7) % (index + 1), 'ab')),
        permitted: true,
      })
    }
    const text = stage.document.getText('summary').toString()
    const offender = device(stage, 2)
    const sizes: number[] = []
    for (let round = 0; round < 100; round += 1) {
      catchUp(stage, offender)
      const update = sent(offender, (document) => document.getText('summary').delete(0, text.length))
      stage.judge({ update, permitted: false })
      sizes.push(Y.encodeStateAsUpdate(stage.document).length)
    }
    expect(stage.document.getText('summary').toString()).toBe(text)
    expect((sizes.at(-1) ?? 0) - (sizes[0] ?? 0)).toBeLessThan(100 * 30)
  })

  it('lets stock replicas tidy up formatting that has no effect', () => {
    const stage = new TextStage(TEXT_ROOTS)
    const [one, other] = [device(stage, 1), device(stage, 2)]
    stage.judge({ update: sent(one, (document) => document.getText('summary').insert(0, 'Ana Müller')), permitted: true })
    catchUp(stage, one)
    catchUp(stage, other)
    const bold = (document: Y.Doc): void => document.getText('summary').format(0, 3, { bold: true })
    const [first, second] = [sent(one, bold), sent(other, bold)]
    stage.judge({ update: first, permitted: true }, { update: second, permitted: true })

    const reader = device(stage, 3)
    const tidied = pending(stage, reader)
    expect(silent(stage, reader)).toBe(false)
    const { findings } = stage.judge({ update: tidied, permitted: false })
    expect(findings).toEqual([{ issues: [], compensated: false, before: '', after: '' }])
    expect(stage.document.getText('summary').toDelta()).toEqual([
      { insert: 'Ana', attributes: { bold: true } },
      { insert: ' Müller' },
    ])
    expect(settle(stage, [one, other, reader], false)).toBeLessThanOrEqual(3)
  })

  it('leave no wrong positions behind in a text that the server writes in by itself', () => {
    const stage = new TextStage(TEXT_ROOTS)
    const text = stage.document.getText('summary')
    text.insert(0, 'one two three four five')
    text.insert(14, 'x')
    const writer = device(stage, 2)
    stage.judge({ update: sent(writer, (document) => document.getText('summary').insert(0, '>>>> ')), permitted: true })
    text.insert(19, 'y')
    expect(text.toString()).toBe('>>>> one two three yxfour five')
  })
})
