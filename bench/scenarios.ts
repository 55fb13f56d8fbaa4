/** What is measured: the shape of the load, in numbers. The same numbers for every server. */

import type { Place } from './editors.ts'

export type TargetName = 'relay' | 'postgres' | 'embedded' | 'unjudged'

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly records: number
  readonly editorsPerRecord: number
  readonly place: Place
  /** The servers that it is about, by their names on the command line; ratios refer to the first. */
  readonly targets: readonly TargetName[]
  /** Edits of each editor before and while the clock runs. */
  readonly warmUpEdits: number
  readonly measuredEdits: number
  /**
   * `window`: each editor always has this many edits that its neighbour has not seen yet, so the server is never idle.
   * `paced`: so many updates a second in all, spread evenly over editors and time.
   */
  readonly load:
    | { readonly type: 'window'; readonly outstanding: number }
    | { readonly type: 'paced'; readonly updatesPerSecond: number }
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'S1',
    title: '1 record, 10 busy editors, 10 edits outstanding each',
    records: 1,
    editorsPerRecord: 10,
    place: 'activity',
    targets: ['relay', 'postgres', 'embedded'],
    warmUpEdits: 400,
    measuredEdits: 2_000,
    load: { type: 'window', outstanding: 10 },
  },
  {
    name: 'S2',
    title: '500 records, 2 editors each, 1,500 updates/s',
    records: 500,
    editorsPerRecord: 2,
    place: 'activity',
    targets: ['relay', 'postgres', 'embedded'],
    warmUpEdits: 6,
    measuredEdits: 9,
    load: { type: 'paced', updatesPerSecond: 1_500 },
  },
  {
    name: 'J1',
    title: '20 contacts of 50 fields, 2 editors each, one field an edit: what judging costs',
    records: 20,
    editorsPerRecord: 2,
    place: 'field',
    targets: ['unjudged', 'postgres'],
    warmUpEdits: 50,
    measuredEdits: 250,
    load: { type: 'paced', updatesPerSecond: 1_500 },
  },
]

/** The same load for longer: a full run measures four times as much as a quick one. */
export function prolong(scenario: Scenario, factor: number): Scenario {
  return { ...scenario, measuredEdits: scenario.measuredEdits * factor }
}

/** What the updates of the measured part must come to. */
export function expectedDeliveries({ records, editorsPerRecord, measuredEdits }: Scenario): number {
  return records * editorsPerRecord * measuredEdits * (editorsPerRecord - 1)
}
