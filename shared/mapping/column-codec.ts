/** The codec of a column's rule as a whole: that of its register and column, behind the table of an enum's values. */
import type { Register, Scalar } from '../schema/register.ts'
import { type Codec, registerCodec } from './codecs.ts'
import { memberOfValue, valueOfMember } from './enum-values.ts'
import type { ColumnRule } from './mapping.ts'
import type { PlanTable } from './plan.ts'

/** `undefined` where the column takes no such register, which a compiled plan has none of. */
export function columnCodec(rule: ColumnRule, register: Register, columnType: string): Codec<Scalar> | undefined {
  const codec = registerCodec(register.kind, columnType)
  if (codec === undefined || rule.rule !== 'enum' || register.kind !== 'enum') return codec
  return {
    // Of members that share a value the document alone knows which it is: it keeps it while the column shows that value.
    class: codec.class,
    encode: (member) => codec.encode(valueOfMember(rule, String(member))),
    decode: (cell) => (typeof cell === 'string' ? memberOfValue(rule, register.members, cell) : undefined),
    equals: codec.equals,
  }
}

export function columnType(table: PlanTable, column: string): string {
  const named = ({ name }: { readonly name: string }): boolean => name === column
  return (table.columns.find(named) ?? table.inbound.find(named))?.type ?? ''
}
