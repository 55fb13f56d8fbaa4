/**
 * A text and the parts that it is made of, such as a full name and its given and family names: joined by a separator, taken apart
 * again, and told part by part what of it changed. A part is never empty text: what is not there is null. All functions are total and
 * take time linear in the text.
 */

/** As many as the rule names places. */
export type Parts = readonly (string | null)[]

export interface Aligned {
  readonly parts: Parts
  /** Whether what was known before left only one way to read the text. */
  readonly sure: boolean
}

export interface PartsFunction {
  /** Between two parts, in UTF-16 units. */
  readonly separator: string
  /** What a reader sees of the parts; null where there are none. */
  readonly join: (parts: Parts) => string | null
  /** The text as so many parts, with nothing known of it: one piece each, and the last takes what is left. */
  readonly split: (text: string | null, count: number) => Parts
  /** A text that `split` takes apart into just these parts; `undefined` where there is none. */
  readonly embed: (parts: Parts) => string | null | undefined
  /**
   * The text as parts, with those known that an earlier wording had: parts that still stand at the start, else at the end (the other way
   * round with `from: 'end'`), stay what they were, and the rest of the text is the other parts.
   */
  readonly align: (text: string | null, known: Parts, from?: 'start' | 'end') => Aligned
}

interface Separation {
  readonly separator: string
  /** Where a text is cut: more than the separator itself, since people write as they like. */
  readonly cut: RegExp
  /** Keeps a part from being cut, if that can be. */
  readonly protect: (part: string) => string
  /** Takes that protection off. Neither changes the length. */
  readonly release: (part: string) => string
  /** Stands for a part that is not there, before one that is. */
  readonly nothing: string
}

export function partsBy({ separator, cut, protect, release, nothing }: Separation): PartsFunction {
  const present = (part: string | null): part is string => part !== null
  const clean = (part: string): string | null => trimmed(release(part)) || null

  function join(parts: Parts): string | null {
    return parts.filter(present).join(separator) || null
  }

  function split(text: string | null, count: number): Parts {
    const parts: (string | null)[] = []
    let rest = trimmed(text ?? '')
    while (parts.length < count - 1) {
      const [found] = rest.matchAll(cut)
      parts.push(clean(found === undefined ? rest : rest.slice(0, found.index)))
      rest = found === undefined ? '' : rest.slice(found.index + found[0].length)
    }
    return [...parts, trimmed(rest) || null]
  }

  function embed(parts: Parts): string | null | undefined {
    const wanted = parts.map((part) => (part === null ? null : trimmed(part) || null))
    const last = wanted.findLastIndex(present)
    if (last === -1) return null
    const written = wanted.slice(0, last + 1).map((part, index) => {
      if (part === null) return nothing
      return index === wanted.length - 1 ? part : protect(part)
    })
    const text = written.join(separator)
    return sameParts(split(text, wanted.length), wanted) ? text : undefined
  }

  /** The rest of the text as the parts at some places, of which those known before are tried first. */
  function remaining(rest: string, known: Parts): Aligned {
    const held = known.filter(present).length
    const pieces = rest === '' ? 0 : [...rest.matchAll(cut)].length + 1
    if (pieces === 0) return { parts: known.map(() => null), sure: true }
    if (known.length === 1) return { parts: [clean(rest)], sure: true }
    if (pieces !== held) return { parts: split(rest, known.length), sure: pieces === known.length }
    const next = split(rest, held)[Symbol.iterator]()
    return { parts: known.map((part) => (part === null ? null : (next.next().value ?? null))), sure: true }
  }

  /** What follows the part at the start of the text, or precedes it at the end; `undefined` if it does not stand there. */
  function without(text: string, part: string, side: 'start' | 'end'): string | undefined {
    if (samePart(text, part)) return ''
    const length = part.length + separator.length
    const [seen, wanted] = [release(text), release(part)]
    if (side === 'start') return seen.startsWith(wanted + separator) ? trimmed(text.slice(length)) : undefined
    return seen.endsWith(separator + wanted) ? trimmed(text.slice(0, -length)) : undefined
  }

  function align(given: string | null, known: Parts, from: 'start' | 'end' = 'start'): Aligned {
    let text = trimmed(given ?? '')
    if (samePart(text, join(known)) || sameParts(split(text, known.length), known)) return { parts: known, sure: true }
    let [first, behind] = [0, known.length]
    const sides: readonly ('start' | 'end')[] = from === 'start' ? ['start', 'end'] : ['end', 'start']
    for (const side of sides) {
      // At least one place is left for what is new.
      for (let index = side === 'start' ? first : behind - 1; behind - first > 1; index += side === 'start' ? 1 : -1) {
        if (index < first || index >= behind) break
        const part = known[index] ?? null
        if (part === null) continue
        const rest = without(text, part, side)
        const places = side === 'start' ? behind - index - 1 : index - first
        if (rest === undefined || (places === 0 && rest !== '')) break
        text = rest
        if (side === 'start') first = index + 1
        else behind = index
      }
    }
    const { parts, sure } = remaining(text, known.slice(first, behind))
    return { parts: [...known.slice(0, first), ...parts, ...known.slice(behind)], sure }
  }

  return { separator, join, split, embed, align }
}

/** The same to a reader: blanks around a text are not seen, and one kind of blank looks like the other. */
export function samePart(one: string | null | undefined, other: string | null | undefined): boolean {
  const seen = (part: string | null | undefined): string => trimmed((part ?? '').replaceAll('\u00a0', ' '))
  return seen(one) === seen(other)
}

export function sameParts(one: Parts, other: Parts): boolean {
  return one.length === other.length && one.every((part, index) => samePart(part, other[index]))
}

/** Without blanks around it; a no-break space may stand for a part, and stays. */
function trimmed(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

/** Space, tabulator, line feed, carriage return. */
function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09 || unit === 0x0a || unit === 0x0d
}
