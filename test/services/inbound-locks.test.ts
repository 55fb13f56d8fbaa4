/** SQL writers and the projector at the same rows at the same time: who waits for whom, and what is never overwritten. */
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase, type Sql } from '../../server/db.ts'
import { createRandom } from '../simulation/random.ts'
import { silent } from '../support/database.ts'
import { freshTenant, recordKey } from '../support/entries.ts'
import { statuses } from '../support/inbound-stage.ts'
import { onWritableStage, projectedContact, settle } from '../support/inbound-suite.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'

let server: TestPostgres
let database: Database
/** The CRM's own connections: no limits but Postgres's. */
let crm: postgres.Sql
beforeAll(async () => {
  server = await openPostgres()
  database = await openDatabase({ databaseUrl: server.url, dataDirectory: '' }, silent)
  crm = postgres(server.url, { max: 8, onnotice: () => undefined })
})
afterAll(async () => {
  await crm.end()
  await database.close()
  await server.close()
})

type Reserved = Awaited<ReturnType<Sql['reserve']>>

/** Does something of somebody else's, once, right after the projector has looked for changes that wait. */
function afterLook(sql: Sql, act: () => Promise<unknown>): Sql {
  let acted = false
  const reserve = async (): Promise<Reserved> => {
    const connection = await sql.reserve()
    const unsafe = async (...given: Parameters<Sql['unsafe']>): Promise<unknown> => {
      const rows = await connection.unsafe(...given)
      if (!acted && given[0].includes('rapport.inbound_changes') && given[0].trim().startsWith('select')) {
        acted = true
        await act()
      }
      return rows
    }
    return { unsafe, release: () => connection.release() } as unknown as Reserved
  }
  return Object.assign(Object.create(sql) as Sql, { reserve })
}

const meanwhile: Readonly<Record<string, (tenant: string) => Promise<unknown>>> = {
  'a new row of a child': (tenant) =>
    crm`insert into contact_emails (tenant, contact_id, id, address) values (${tenant}, 'r1', 'e9', 'crm@example.org')`,
  'a row of a child': (tenant) =>
    crm`update contact_emails set address = 'crm@example.org' where tenant = ${tenant} and id = 'e1'`,
  'a row of a child that is on its way': (tenant) =>
    crm`insert into contact_emails (tenant, contact_id, id, address) values (${tenant}, 'r1', 'e3', 'crm@example.org')`,
  'a row of a child that is about to go': (tenant) =>
    crm`update contact_emails set address = 'crm@example.org' where tenant = ${tenant} and id = 'e2'`,
}

test.each(Object.keys(meanwhile))('P7: %s, written between the projector’s look and its writing, is not overwritten', (what) =>
  onWritableStage(database.sql, async (stage) => {
    const key = await projectedContact(stage)
    const { tenant } = key
    const written = () => crm`select id from contact_emails where tenant = ${tenant} and address = 'crm@example.org'`
    await stage.edit(key, (editor) => {
      editor.set('title', 'CFO')
      editor.setColumn('emails', 'e1', 'label', 'work')
      editor.setColumn('emails', 'e1', 'address', 'phone@example.org')
      editor.deleteEntry('emails', 'e2')
      editor.addEntry('emails', { address: 'c@example.org' }, { id: 'e3' })
    })
    let acted = false
    const racing = stage.projector({
      sql: afterLook(database.sql, async () => {
        await meanwhile[what]?.(tenant)
        acted = true
      }),
    })
    await racing.drain()
    expect(acted).toBe(true)
    expect(await written()).toHaveLength(1)
    expect(await statuses(stage.sql, tenant)).toEqual(['pending'])
    await settle(stage)
    expect(await statuses(stage.sql, tenant)).toEqual(['absorbed'])
    expect(await stage.wrong(tenant)).toEqual([])
  }),
)

test('P7: 1,000 bulk UPDATEs beside a projector and an absorber at full rate run without a deadlock, and none waits for a second', () =>
  onWritableStage(database.sql, async (stage) => {
    const random = createRandom(7)
    const tenant = freshTenant()
    const keys = Array.from({ length: 20 }, (_, n) => recordKey(`r${n}`, tenant))
    for (const key of keys) await projectedContact(stage, key)
    let over = false
    const edits = async (): Promise<void> => {
      for (let n = 0; !over; n += 1) await stage.edit(random.pick(keys), (editor) => editor.set('department', `edit ${n}`))
    }
    const loop = async (step: () => Promise<unknown>): Promise<void> => {
      while (!over) await step()
    }
    const [absorber, projector] = [stage.absorber(), stage.projector()]
    const beside = [edits(), loop(absorber.drain), loop(projector.drain)]
    const writer = async (from: number): Promise<void> => {
      for (let n = from; n < 1_000; n += 4) {
        await crm.begin(async (session) => {
          // Longer than that a lock is not waited for: the statement fails then, and the test with it.
          await session`set local lock_timeout = '1s'`
          await session`update contacts set title = ${`row ${n}`} where tenant = ${tenant} and id = ${`r${n % 20}`}`
          await session`update contact_emails set label = ${`row ${n}`} where tenant = ${tenant} and contact_id = ${`r${n % 20}`}`
        })
      }
    }
    // Each writes records of its own: what two of a CRM's transactions do to each other is not the projector's doing.
    await Promise.all([0, 1, 2, 3].map(writer)).finally(() => {
      over = true
    })
    await Promise.all(beside)
    await settle(stage)
    expect(new Set(await statuses(stage.sql, tenant))).toEqual(new Set(['absorbed']))
    expect(await stage.wrong(tenant)).toEqual([])
  }))
