/**
 * Which entries a file holds, in 20 bytes each: who they are, what is said of them, and the line where that is said first. It is all
 * of a file that an import keeps in memory, so it is kept in one flat array, by open addressing.
 */
import type { Identity } from './identity.ts'

/** Two numbers of 32 bits each for who and what, and the line. */
const FIELDS = 5
const WHO_FIELDS = 2
const LINE = 4
const FIRST_PLACES = 1024

export class Sightings {
  #table = new Uint32Array(FIRST_PLACES * FIELDS)
  #places = FIRST_PLACES
  #held = 0

  /** Notes an entry; answers with the line at which the same was said first, which may be this one. */
  note(identity: Identity, line: number): number {
    if (this.#held * 2 >= this.#places) this.#grow()
    return this.#put(packed(identity), line)
  }

  /** At which line the same was said first; 0 if it was not. */
  lineOf(identity: Identity): number {
    const wanted = packed(identity)
    for (const at of this.#chain(wanted[0])) if (this.#equals(at, wanted, LINE)) return this.#table[at + LINE] ?? 0
    return 0
  }

  /** How many different things are said of somebody. */
  countOf({ who }: Pick<Identity, 'who'>): number {
    const wanted = packed({ who, what: '' })
    let said = 0
    for (const at of this.#chain(wanted[0])) if (this.#equals(at, wanted, WHO_FIELDS)) said += 1
    return said
  }

  #put(entry: readonly number[], line: number): number {
    let at = this.#start(entry[0])
    while (this.#table[at + LINE] !== 0) {
      if (this.#equals(at, entry, LINE)) return this.#table[at + LINE] ?? 0
      at = this.#next(at)
    }
    this.#table.set(entry, at)
    this.#table[at + LINE] = line
    this.#held += 1
    return line
  }

  /** The filled places at which an entry can stand. */
  *#chain(hash = 0): Generator<number> {
    for (let at = this.#start(hash); this.#table[at + LINE] !== 0; at = this.#next(at)) yield at
  }

  #start(hash = 0): number {
    return (hash % this.#places) * FIELDS
  }

  #next(at: number): number {
    return (at + FIELDS) % this.#table.length
  }

  #equals(at: number, entry: readonly number[], fields: number): boolean {
    for (let field = 0; field < fields; field += 1) if (this.#table[at + field] !== entry[field]) return false
    return true
  }

  #grow(): void {
    const before = this.#table
    this.#places *= 2
    this.#table = new Uint32Array(this.#places * FIELDS)
    this.#held = 0
    for (let at = 0; at < before.length; at += FIELDS) {
      const line = before[at + LINE] ?? 0
      if (line !== 0) this.#put([...before.subarray(at, at + LINE)], line)
    }
  }
}

/** The random digits of both halves; a line is never 0, which marks a free place. */
function packed({ who, what }: Identity): [number, number, number, number] {
  const [first, second] = [who.replaceAll('-', ''), what.replaceAll('-', '')]
  return [word(first.slice(0, 8)), word(first.slice(8)), word(second.slice(0, 8)), word(second.slice(8))]
}

function word(hex: string): number {
  return Number.parseInt(hex, 16)
}
