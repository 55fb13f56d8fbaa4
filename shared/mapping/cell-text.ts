/** Names in cells, as ids and members are: whatever else stands there, such as an object of JSON, names nothing. */
import type { Cell } from './plan.ts'

/** Empty where the cell is neither text nor anything that is written as one. */
export function textOf(cell: Cell | undefined): string {
  return typeof cell === 'string' ? cell : typeof cell === 'number' || typeof cell === 'boolean' ? String(cell) : ''
}
