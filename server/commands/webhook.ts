/** `cli webhook`: who is sent the change events of a tenant. Beside a running server, which takes up what changes within a second. */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { systemClock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { parseTenant } from '@rapport/shared/ids.ts'
import { recordTypeOf } from '@rapport/shared/records/record-types.ts'
import type { Config } from '../config.ts'
import { joinDatabase } from '../db.ts'
import { createAddressGuard } from '../feed/addresses.ts'
import { literalAddress, parseTarget } from '../feed/guarded-post.ts'
import { cursorOf, parseCursor } from '../feed/reader.ts'
import { newSecret } from '../feed/signature.ts'
import type { WebhookListing } from '../feed/webhook.ts'
import { createWebhookStore, type WebhookStore } from '../feed/webhook-store.ts'
import { createLogger } from '../observability/logger.ts'
import { UsageError } from './command.ts'

export const OVERLAP_HOURS = 24
const HOUR = 3_600_000
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

type Act = (store: WebhookStore, config: Config, args: readonly string[]) => Promise<unknown>

const ACTS: Readonly<Record<string, Act>> = { add, list, remove, resume, replay, rotate }

export async function manageWebhooks(config: Config, args: readonly string[]): Promise<string> {
  const [name = '', ...rest] = args
  const act = Object.hasOwn(ACTS, name) ? ACTS[name] : undefined
  if (act === undefined) throw new UsageError(`webhook takes one of ${Object.keys(ACTS).join(', ')}.`)
  const database = await joinDatabase(config, createLogger('error'))
  try {
    return `${JSON.stringify(await act(createWebhookStore(database.sql), config, rest))}\n`
  } finally {
    await database.close()
  }
}

/** The secret is shown here and never again. */
async function add(store: WebhookStore, config: Config, args: readonly string[]): Promise<unknown> {
  const options = { tenant: { type: 'string' }, url: { type: 'string' }, types: { type: 'string' } } as const
  const { values } = parseArgs({ args: [...args], options })
  const tenant = parseTenant(values.tenant ?? '')
  if (tenant === undefined) throw new UsageError('--tenant must be 1 to 64 letters, digits, dots, dashes or underscores.')
  const url = parseTarget(values.url ?? '')
  if (url === undefined) throw new UsageError('--url must be a URL of http or https, without a name, a password or a fragment.')
  const address = literalAddress(url)
  if (address !== undefined && !createAddressGuard(config.webhookAllow)(address)) {
    throw new UsageError('--url leads to an address that is not a public one; RAPPORT_WEBHOOK_ALLOW may allow it.')
  }
  const webhook = { id: randomUUID(), secret: newSecret() }
  await store.add({ ...webhook, tenant, url: url.href, types: typesOf(values.types), now: systemClock.now() })
  return webhook
}

/** Record types, or types of events as they are. */
function typesOf(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null
  return text.split(',').map((name) => {
    const [, full] = /^rapport\.([a-z]+)\.changed\.v1$/.exec(name) ?? []
    const type = recordTypeOf(full ?? name)
    if (type === undefined) throw new UsageError('--types must be names of record types, with commas between them.')
    return `rapport.${type.name}.changed.v1`
  })
}

async function list(store: WebhookStore, _config: Config, args: readonly string[]): Promise<unknown> {
  if (args.length > 0) throw new UsageError('webhook list takes no arguments.')
  return (await store.list()).map(shown)
}

async function remove(store: WebhookStore, _config: Config, args: readonly string[]): Promise<unknown> {
  const id = onlyId('remove', args)
  if (!(await store.remove(id))) throw unknown()
  return { id, removed: true }
}

async function resume(store: WebhookStore, _config: Config, args: readonly string[]): Promise<unknown> {
  const id = onlyId('resume', args)
  const before = await found(store, id)
  await store.resume(id, systemClock.now())
  const after = await found(store, id)
  // Only what is active keeps events from being removed.
  return { ...shown(after), missed: Math.max(after.position - before.position, 0) }
}

async function replay(store: WebhookStore, _config: Config, args: readonly string[]): Promise<unknown> {
  const { values, positionals } = parseArgs({ args: [...args], options: { after: { type: 'string' } }, allowPositionals: true })
  const id = onlyId('replay', positionals)
  if (values.after === undefined) throw new UsageError('webhook replay takes --after CURSOR; 0 is before the first event.')
  const after = parseCursor(values.after)
  await found(store, id)
  if (!(await store.replay(id, after, systemClock.now()))) {
    throw new SyncError(
      'gone',
      'The feed does not go on from that cursor: it is beyond the end, or events behind it were removed.',
    )
  }
  return shown(await found(store, id))
}

async function rotate(store: WebhookStore, _config: Config, args: readonly string[]): Promise<unknown> {
  const id = onlyId('rotate', args)
  const secret = newSecret()
  const until = systemClock.now() + OVERLAP_HOURS * HOUR
  if (!(await store.rotate(id, secret, until))) throw unknown()
  return { id, secret, previousUntil: new Date(until).toISOString() }
}

function onlyId(act: string, args: readonly string[]): string {
  const [id = '', ...rest] = args
  if (!UUID.test(id) || rest.length > 0)
    throw new UsageError(`webhook ${act} takes the id of a webhook; "webhook list" has them.`)
  return id
}

async function found(store: WebhookStore, id: string): Promise<WebhookListing> {
  const webhook = await store.find(id)
  if (webhook === undefined) throw unknown()
  return webhook
}

function unknown(): SyncError {
  return new SyncError('not_found', 'There is no webhook of that id.')
}

function shown({ position, ...webhook }: WebhookListing): object {
  return { ...webhook, cursor: cursorOf(position) }
}
