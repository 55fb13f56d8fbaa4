/**
 * Lines into cards (RFC 2426, vCard 3.0, and RFC 6350, vCard 4.0). A card is cut out here, line by line, and parsed by the library
 * when it has ended, so only one is in memory. Folded lines are put together as bytes, since old programs folded in the middle of
 * a character. Pictures and other binary properties are dropped before they take memory.
 */
import ICAL from 'ical.js'
import type { Line } from './lines.ts'
import type { BrokenLine } from './source.ts'

/** One property as jCard has it (RFC 7095): name, parameters, type, values. */
export interface Property {
  readonly name: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly type: string
  readonly values: readonly unknown[]
}

export interface Card {
  readonly type: 'card'
  /** Of its BEGIN. */
  readonly line: number
  readonly properties: readonly Property[]
}

interface ContentLine {
  readonly number: number
  readonly text: string
}

/** A line with those that continue it; `pieces` is `undefined` where the content is not wanted. */
interface Folded {
  readonly number: number
  pieces: Buffer[] | undefined
  length: number
  tooLong: boolean
}

/** Bytes, and characters; binary properties do not count. */
const MAX_CARD_LENGTH = 1024 * 1024
const BINARY = /^(?:[A-Za-z0-9-]+\.)?(PHOTO|LOGO|SOUND|KEY)[;:]/i
const VERSION = /^(?:[A-Za-z0-9-]+\.)?VERSION(?:;[^:]*)?:(.*)$/i
const SPACE = 32
const TAB = 9

export class VcardReader {
  readonly #decode: (bytes: Buffer) => string
  #folded: Folded | undefined
  #card: { readonly line: number; readonly lines: ContentLine[]; characters: number; tooLong: boolean } | undefined
  /** Whether the stray lines at hand were told already. */
  #astray = false
  /** Pictures and the like that were left out. */
  dropped = 0

  /** `decode` is called once for each unfolded line, in order. */
  constructor(decode: (bytes: Buffer) => string) {
    this.#decode = decode
  }

  push(line: Line): (Card | BrokenLine)[] {
    const [first] = line.bytes
    const continued = this.#folded !== undefined && (first === SPACE || first === TAB)
    const before = continued ? [] : this.#unfold()
    if (continued) this.#continue(line.bytes.subarray(1), line.cut)
    else {
      const binary = BINARY.test(line.bytes.toString('latin1', 0, 64))
      if (binary) this.dropped += 1
      this.#folded = { number: line.number, pieces: binary ? undefined : [], length: 0, tooLong: false }
      this.#continue(line.bytes, line.cut)
    }
    return before
  }

  end(): (Card | BrokenLine)[] {
    const out = this.#unfold()
    if (this.#card !== undefined) out.push(broken(this.#card.line, 'the card has no END:VCARD'))
    this.#card = undefined
    return out
  }

  #continue(bytes: Buffer, cut: boolean): void {
    const folded = this.#folded
    if (folded?.pieces === undefined) return
    folded.length += bytes.length
    folded.tooLong ||= cut || folded.length > MAX_CARD_LENGTH
    if (!folded.tooLong) folded.pieces.push(bytes)
  }

  #unfold(): (Card | BrokenLine)[] {
    const folded = this.#folded
    this.#folded = undefined
    if (folded?.pieces === undefined) return []
    if (folded.tooLong && this.#card !== undefined) this.#card.tooLong = true
    return this.#take({ number: folded.number, text: this.#decode(Buffer.concat(folded.pieces)) })
  }

  #take(line: ContentLine): (Card | BrokenLine)[] {
    const word = line.text.trim().toUpperCase()
    const card = this.#card
    if (word === 'BEGIN:VCARD') {
      this.#card = { line: line.number, lines: [], characters: 0, tooLong: false }
      this.#astray = false
      return card === undefined ? [] : [broken(card.line, 'the card has no END:VCARD')]
    }
    if (card === undefined) {
      if (word === '' || this.#astray) return []
      this.#astray = true
      return [broken(line.number, 'this stands outside of any card')]
    }
    if (word === 'END:VCARD') {
      this.#card = undefined
      return [card.tooLong ? broken(card.line, 'the card is longer than any that can be read') : parseCard(card.line, card.lines)]
    }
    card.characters += line.text.length
    card.tooLong ||= card.characters > MAX_CARD_LENGTH
    if (word !== '' && !card.tooLong) card.lines.push(line)
    return []
  }
}

function parseCard(line: number, lines: readonly ContentLine[]): Card | BrokenLine {
  const versions = lines.filter(({ text }) => VERSION.test(text))
  const version = VERSION.exec(versions[0]?.text ?? 'VERSION:3.0')?.[1]?.trim() ?? ''
  if (version === '2.1') return broken(line, 'it is a vCard 2.1, which is not supported; export as vCard 3.0 or 4.0')
  if (version !== '3.0' && version !== '4.0') return broken(line, 'its VERSION is neither 3.0 nor 4.0')
  // The library reads a card as 4.0 only if that is said first.
  const rest = lines.filter(({ text }) => !VERSION.test(text))
  const text = ['BEGIN:VCARD', `VERSION:${version}`, ...rest.map((one) => one.text), 'END:VCARD'].join('\n')
  try {
    const [, properties] = ICAL.parse(text) as [string, [string, Record<string, unknown>, string, ...unknown[]][]]
    return {
      type: 'card',
      line,
      properties: properties.map(([name, parameters, type, ...values]) => ({ name, parameters, type, values })),
    }
  } catch (error) {
    // The library's message quotes the line.
    if (!(error instanceof Error)) throw error
    const guilty = rest.find((one) => !isProperty(one.text))
    return broken(line, guilty === undefined ? 'the card cannot be read' : `line ${guilty.number}, in this card, cannot be read`)
  }
}

function isProperty(text: string): boolean {
  try {
    ICAL.parse.property(text, ICAL.design.getDesignSet('vcard'))
    return true
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return false
  }
}

function broken(line: number, reason: string): BrokenLine {
  return { type: 'broken', line, reason }
}
