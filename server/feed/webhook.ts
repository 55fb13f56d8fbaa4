/** Webhooks as the server keeps them: to whom a tenant's events are sent, from where on, and how that goes. */
import type { Tenant } from '@rapport/shared/ids.ts'

/** `parked`: given up after many failures, until somebody resumes it. `disabled`: the other side wants no more (410). */
export const WEBHOOK_STATES = ['active', 'parked', 'disabled'] as const
export type WebhookState = (typeof WEBHOOK_STATES)[number]

/** What it takes to deliver. */
export interface WebhookTarget {
  readonly id: string
  readonly tenant: Tenant
  readonly url: string
  readonly secret: string
  /** Signs, too, until `previousUntil`. */
  readonly previousSecret: string | null
  readonly previousUntil: Date | null
  /** Types of events; null for all. */
  readonly types: readonly string[] | null
  /** Events up to here were delivered, or are not for it. */
  readonly position: number
  /** Failures since the last success. */
  readonly attempts: number
}

/** What an operator may see: no secret. */
export interface WebhookListing {
  readonly id: string
  readonly tenant: Tenant
  readonly url: string
  readonly types: readonly string[] | null
  readonly state: WebhookState
  readonly position: number
  /** Events of the tenant behind that. */
  readonly waiting: number
  readonly attempts: number
  readonly nextTry: Date
  readonly lastError: string | null
  readonly deliveredAt: Date | null
  readonly createdAt: Date
}
