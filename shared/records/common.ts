/**
 * What records of every type have beside their fields: a summary, notes, tags and activities. Lengths are generous for people
 * and firm for programs; together they keep a full record far below the size limit.
 */

import { collection, richText, set, text } from '../schema/record-type.ts'
import { datetime, oneOf, string } from '../schema/register.ts'

export const commonRoots = {
  summary: text({ maxLength: 100_000 }),
  notes: richText({ maxLength: 500_000 }),
  tags: set({ maxMembers: 200, maxLength: 100 }),
  activities: collection(
    {
      kind: oneOf(['call', 'meeting', 'email', 'task', 'note']),
      at: datetime(),
      subject: string({ maxLength: 500 }),
      body: string({ maxLength: 10_000 }),
    },
    { maxEntries: 5000 },
  ),
} as const
