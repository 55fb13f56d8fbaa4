/**
 * Fractional order: strings that sort by code unit and always leave room for another between two of them, so that moving an
 * entry writes that entry alone. A key is read as the digits of a fraction in base 62. Two people may draw the same key for
 * different entries; readers then sort by entry id, and a later insert between the two must space them anew.
 */

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE = DIGITS.length

/**
 * A key strictly between the two, near the middle; without `before` below everything, without `after` above everything.
 * `undefined` if there is none: equal or swapped bounds, or bounds with other characters than digits and ASCII letters.
 */
export function orderBetween(before: string | undefined, after: string | undefined): string | undefined {
  const lower = digitsOf(before ?? '')
  const upper = after === undefined ? undefined : digitsOf(after)
  if (lower === undefined || (after !== undefined && upper === undefined)) return undefined
  const between = upper === undefined ? above(lower) : before === undefined ? below(upper) : middle(lower, upper)
  if (between === undefined) return undefined
  const key = between.map((digit) => DIGITS.charAt(digit)).join('')
  const fits = (before === undefined || before < key) && (after === undefined || key < after)
  return fits ? key : undefined
}

/** `count` short keys in ascending order. */
export function evenOrders(count: number): string[] {
  let width = 1
  while (BASE ** width <= count + 1) width += 1
  const step = BASE ** width / (count + 1)
  return Array.from({ length: count }, (_, index) => {
    let rest = Math.floor((index + 1) * step)
    let key = ''
    for (let place = 0; place < width; place += 1) {
      key = DIGITS.charAt(rest % BASE) + key
      rest = Math.floor(rest / BASE)
    }
    return key
  })
}

function digitsOf(key: string): number[] | undefined {
  const digits = Array.from(key, (character) => DIGITS.indexOf(character))
  return digits.includes(-1) ? undefined : digits
}

/** One more at the first place that allows it: appending n times makes a key of about n/30 characters. */
function above(lower: readonly number[]): number[] {
  const place = lower.findIndex((digit) => digit < BASE - 1)
  if (place === -1) return [...lower, BASE >> 1]
  return [...lower.slice(0, place), (lower[place] ?? 0) + 1]
}

/** One less at the first place that allows it, the mirror of `above`. */
function below(upper: readonly number[]): number[] | undefined {
  const place = upper.findIndex((digit) => digit > 0)
  if (place === -1) return undefined
  const digit = upper[place] ?? 0
  return digit > 1 ? [...upper.slice(0, place), digit - 1] : [...upper.slice(0, place), 0, BASE >> 1]
}

function middle(lower: readonly number[], upper: readonly number[]): number[] | undefined {
  const key: number[] = []
  let bounded = true
  for (let place = 0; place <= lower.length + upper.length; place += 1) {
    const low = lower[place] ?? 0
    const high = bounded ? (upper[place] ?? 0) : BASE
    if (high - low > 1) return [...key, (low + high) >> 1]
    if (high < low) return undefined
    key.push(low)
    // Once the key is below the upper bound in an earlier place, later places are free upwards.
    if (high > low) bounded = false
  }
  return undefined
}
