/**
 * An edit that a person makes through the server, as a REST request does: written into the instance's own document, under the
 * server's client id. It is made anew whenever it is judged anew, so what was written is known only once it is committed.
 */

import type { Submission } from '../../../server/access/submission.ts'
import { principalOfSignature } from '../../../server/auth/principal.ts'
import type { Conflict, ItemId } from '../../../server/log/findings.ts'
import { type Look, look, type Notebook, type Write } from './notebook.ts'
import { type Person, tenant } from './people.ts'
import { isClearable, type Place } from './places.ts'

interface Made {
  readonly before: Look
  readonly item: ItemId | undefined
}

export interface Intent {
  readonly place: Place
  /** Null clears by a value, nothing by a deletion. */
  readonly value: unknown
  /** A conflict whose replaced value is put back so. */
  readonly settles?: Conflict | undefined
}

export class ServerEdit {
  readonly person: Person
  readonly intent: Intent
  #made: Made | undefined

  constructor(person: Person, intent: Intent) {
    this.person = person
    this.intent = intent
  }

  submission(): Submission {
    const { place, value, settles } = this.intent
    const { sub, role } = this.person
    this.#made = undefined
    return {
      type: 'edit',
      principal: principalOfSignature(tenant, { author: { sub, role }, roles: [role], teams: [] }),
      via: 'rest',
      frees: false,
      settles: settles === undefined ? undefined : { id: settles.id, status: 'restored', replaced: settles.replaced.item },
      change: (document) => {
        const map = document.getMap(place.root)
        const before = look(document, place, ({ entry }) => entry !== undefined)
        if (value === undefined && !map.has(place.key)) return
        if (value === undefined) map.delete(place.key)
        else map.set(place.key, value)
        this.#made = { before, item: value === undefined ? undefined : map._map.get(place.key)?.id }
      },
    }
  }

  /** Only edits that their author may make are sent this way: the server refuses others before they are judged. */
  static permits({ place, value }: Intent, { role }: Person): boolean {
    if (place.kind === 'nowhere' || (place.managersOnly && role === 'rep')) return false
    return isClearable(place) || (value !== undefined && value !== null)
  }

  /** Committed: `undefined` if there was nothing to write. */
  note(notebook: Notebook, settled: ReadonlyMap<string, Conflict>, sequence: number): Write | undefined {
    const made = this.#made
    if (made === undefined) return undefined
    const { place, value, settles } = this.intent
    const row = settles && settled.get(settles.id)
    const draft = { author: this.person, client: undefined, permitted: true }
    const write =
      made.item === undefined
        ? notebook.clear(place, made.before, draft)
        : notebook.set(place, made.before, made.item, value, draft, row && notebook.writeOf(row.replaced.item))
    write.fate = 'whole'
    write.entry = sequence
    return write
  }
}
