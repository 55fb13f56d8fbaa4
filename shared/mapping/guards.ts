/** What a mapping's guards make of a record: rows that may not be written, columns that may not be shown, or only a word about it. */

import type * as Y from 'yjs'
import { type ReadRegisters, readFields } from '../schema/read-content.ts'
import { own } from '../schema/record-type.ts'
import { checkRegister } from '../schema/value-rules.ts'
import { CONDITIONS } from './functions.ts'
import type { Guard } from './mapping.ts'
import type { Plan } from './plan.ts'

export interface Verdict {
  /** The message of the first guard that blocks. */
  readonly blocked?: string
  /** Columns that read NULL. */
  readonly withheld: ReadonlySet<string>
  /** Of the guards that do not block, in their order. */
  readonly messages: readonly string[]
}

/** A value that fits no declaration is no value. */
export function judge({ mapping, type }: Plan, document: Y.Doc): Verdict {
  const { guards = [] } = mapping
  const fields = guards.length === 0 ? {} : readFields(type, document)
  const struck = guards.filter((guard) => strikes(guard, fields, type.fields))
  const blocking = struck.find(({ severity }) => severity === 'block')
  const others = struck.filter(({ severity }) => severity !== 'block')
  return {
    ...(blocking && { blocked: blocking.message }),
    withheld: new Set(others.flatMap(({ columns = [] }) => columns)),
    messages: others.map(({ message }) => message),
  }
}

function strikes({ when }: Guard, fields: ReadRegisters, registers: Plan['type']['fields']): boolean {
  return when.every(({ by, fields: names, options = {} }) => {
    const inputs = names.map((name) => {
      const value = own(fields, name)
      const register = own(registers, name)
      return register && checkRegister(register, value) === undefined ? value : undefined
    })
    return own(CONDITIONS, by)?.holds(inputs, options) === true
  })
}
