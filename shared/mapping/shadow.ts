/**
 * The shadow of a record: its rows as they were last written, and beside them the bindings, which are nobody's column. Rows that come
 * back are compared with it; change events show the rows alone.
 */
import type { Bindings, Projection, Shadow } from './plan.ts'

/** Where the bindings are, if there are any: no column of Postgres has an empty name. */
const BINDINGS = ''

export function shadowOf({ main, children, bindings }: Projection): Shadow {
  return { ...main, ...children, ...(bindings && { [BINDINGS]: bindings }) }
}

export function withoutBindings({ [BINDINGS]: _, ...rows }: Shadow): Shadow {
  return rows
}

export function bindingsOf(shadow: Shadow | undefined): Bindings {
  return (shadow?.[BINDINGS] ?? {}) as Bindings
}
