/**
 * A change event as everybody outside gets it, by whatever way: a CloudEvent of version 1.0, as JSON text. Its id is that of the outbox,
 * so who gets an event twice, or in two ways, can tell.
 */

/** A row of the outbox that has a position. */
export interface EventRow {
  readonly position: number
  readonly id: string
  readonly tenant: string
  readonly aggregatetype: string
  readonly aggregateid: string
  readonly type: string
  readonly at: Date
  /** JSON text as the database has it: it is not parsed on the way, so no digit of a number is lost. */
  readonly payload: string
}

export interface FeedEvent {
  /** Dense per tenant, from 1. */
  readonly position: number
  readonly id: string
  readonly type: string
  /** The CloudEvent. Holds no line break. */
  readonly json: string
}

export function eventOf({ position, id, tenant, aggregatetype, aggregateid, type, at, payload }: EventRow): FeedEvent {
  const envelope = JSON.stringify({
    specversion: '1.0',
    id,
    source: `/tenants/${tenant}`,
    type,
    subject: `${aggregatetype}/${aggregateid}`,
    time: at.toISOString(),
    datacontenttype: 'application/json',
  })
  return { position, id, type, json: `${envelope.slice(0, -1)},"data":${payload}}` }
}
