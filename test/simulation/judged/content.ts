/** Everything that a replica shows, as one string to compare: all roots, those included that no type declares. */
import type * as Y from 'yjs'

export function contentOf(document: Y.Doc): string {
  const roots = [...document.share].sort(byName).map(([name, root]) => [name, liveKeys(root)])
  const texts = [document.getText('summary').toDelta(), document.getXmlFragment('notes').toString()]
  return JSON.stringify([roots.filter(([, keys]) => keys !== undefined && keys.length > 0), texts])
}

function liveKeys({ _map }: Pick<Y.Map<unknown>, '_map'>): readonly unknown[] {
  return [..._map]
    .filter(([, item]) => !item.deleted)
    .sort(byName)
    .map(([key, item]) => [key, item.content.getContent().at(-1)])
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0
}
