/** The codec of a column's rule as a whole: that of its register and column, behind the table of an enum's values. */
import { own } from '../schema/record-type.ts'
import type { Register, Scalar } from '../schema/register.ts'
import { type Codec, registerCodec } from './codecs.ts'
import type { ColumnRule } from './mapping.ts'
import type { PlanTable } from './plan.ts'

/** `undefined` where the column takes no such register, which a compiled plan has none of. */
export function columnCodec(rule: ColumnRule, register: Register, columnType: string): Codec<Scalar> | undefined {
  const codec = registerCodec(register.kind, columnType)
  if (codec === undefined || rule.rule !== 'enum' || rule.values === undefined) return codec
  const { values } = rule
  return {
    class: codec.class,
    encode: (member) => codec.encode(own(values, String(member)) ?? member),
    decode: (cell) => Object.keys(values).find((member) => values[member] === cell),
    equals: codec.equals,
  }
}

export function columnType(table: PlanTable, column: string): string {
  const named = ({ name }: { readonly name: string }): boolean => name === column
  return (table.columns.find(named) ?? table.inbound.find(named))?.type ?? ''
}
