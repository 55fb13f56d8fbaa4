/** The rules for the registers of one place on their way back, each to its family: the record's fields, or the columns of an entry. */
import type * as Y from 'yjs'
import { type ReadRegisters, scalarOf } from '../schema/read-content.ts'
import { own } from '../schema/record-type.ts'
import type { Scalar } from '../schema/register.ts'
import { registerCodec } from './codecs.ts'
import { cellReader } from './column-cells.ts'
import { columnType } from './column-codec.ts'
import type { ColumnsPlace } from './columns-place.ts'
import { COMPUTED } from './functions.ts'
import { mergedInverse, splitInverse } from './inverse-parts.ts'
import { constInverse, outboundInverse, registerInverse } from './inverse-registers.ts'
import type { ColumnRule, ComputedRule } from './mapping.ts'
import { type Inverse, type RowMerge, UNTOUCHED } from './row-edit.ts'

export function columnInverse(merge: RowMerge, rule: ColumnRule, place: ColumnsPlace): Inverse {
  switch (rule.rule) {
    case 'const':
      return constInverse(merge, rule)
    case 'computed':
      return computedInverse(merge, rule, place)
    case 'split':
      return splitInverse(merge, rule, place)
    case 'merge':
      return mergedInverse(merge, rule, place)
    case 'field':
    case 'enum':
    case 'lookup':
    case 'default':
    case 'readonly': {
      const register = own(place.registers, rule.field)
      if (register === undefined) return UNTOUCHED
      const { root } = place
      return registerInverse(merge, rule, { register, root, key: place.key(rule.field), path: [...place.path, rule.field] })
    }
    default:
      return rule satisfies never
  }
}

function computedInverse(merge: RowMerge, rule: ComputedRule, place: ColumnsPlace): Inverse {
  const computed = own(COMPUTED, rule.by)
  const codec = computed && registerCodec(computed.result.kind, columnType(merge.table, rule.column))
  if (codec === undefined) return UNTOUCHED
  return outboundInverse(merge, rule.column, undefined, codec, () => {
    const reader = cellReader(place.registers, merge.table)
    const [cell] = reader.cells(rule, valuesAt(merge.document, place), place.path, { misfits: [] })
    return cell?.[1] ?? null
  })
}

/** What the registers of the place hold now. */
function valuesAt(document: Y.Doc, { registers, root, key }: ColumnsPlace): ReadRegisters {
  const map = document.getMap(root)
  const held = Object.keys(registers).flatMap((name): [string, Scalar][] => {
    const value = scalarOf(map.get(key(name)))
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries(held)
}
