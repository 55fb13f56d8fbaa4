/** How somebody stands to one record, as its document says: the policy needs to know, and reads no documents itself. */
import type * as Y from 'yjs'
import type { Principal } from '../auth/principal.ts'
import { mayOpen, mayWriteIn, opensByRelation, type Relation, relationOf, shippedPolicy } from './policy.ts'

/** Of a record that was never written, `anyone`. */
export function relationIn(principal: Principal, document: Y.Doc): Relation {
  return relationOf(principal, document.getMap('fields').get('owner'))
}

/** Whether the record is there for somebody. Where that does not depend on its owner, the document is not asked for. */
export function mayOpenRecord(principal: Principal, type: string, document: () => Y.Doc, policy = shippedPolicy): boolean {
  const relation = opensByRelation(principal, type, policy) ? relationIn(principal, document()) : undefined
  return mayOpen(principal, type, relation, policy)
}

/** Any write right in it: enough to delete it, and to lift its deletion. */
export function mayWriteRecord(principal: Principal, type: string, document: Y.Doc, policy = shippedPolicy): boolean {
  return mayWriteIn(principal, type, relationIn(principal, document), policy)
}
