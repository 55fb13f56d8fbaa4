/** How rows are written beside what a CRM adds to the tables: columns that must be filled, serials, triggers. On any database. */
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { listFaults } from '../../server/projection/fault-list.ts'
import { freshTenant, recordKey } from './entries.ts'
import { onStage } from './projection-suite.ts'

export function describeRowWriting(name: string, sql: () => Sql): void {
  describe(`rows beside a CRM’s own columns and triggers on ${name}`, () => {
    test('P8: a NOT NULL column of the CRM’s own, filled by the CRM, stands in no edit’s way', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const key = recordKey('r1', tenant)
        const projector = stage.projector()
        await stage.edit(key, (editor) => {
          editor.set('lastName', 'Ada')
          editor.addEntry('emails', { address: 'a@example.org' }, { id: 'e1' })
        })
        await projector.drain()
        for (const table of ['contacts', 'contact_emails']) {
          await stage.sql.unsafe(`
            alter table ${table} add column filled integer; update ${table} set filled = 7;
            alter table ${table} alter column filled set not null`)
        }
        try {
          await stage.edit(key, (editor) => {
            editor.set('lastName', 'Eve')
            editor.setColumn('emails', 'e1', 'address', 'b@example.org')
          })
          await projector.drain()
          expect(await stage.wrong(tenant)).toEqual([])
          const rows = await stage.sql`
            select c.filled, e.filled as also, last_name, address from contacts c
            join contact_emails e on e.tenant = c.tenant and contact_id = c.id where c.tenant = ${tenant}`
          expect(rows).toEqual([{ filled: 7, also: 7, last_name: 'Eve', address: 'b@example.org' }])
        } finally {
          for (const table of ['contacts', 'contact_emails']) {
            await stage.sql.unsafe(`alter table ${table} drop column filled`)
          }
        }
      }))

    test('INSERT triggers fire for rows that are inserted and for no update, serials move with rows alone', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const projector = stage.projector()
        const fired = async (): Promise<readonly string[]> => {
          const rows = await stage.sql<{ what: string }[]>`delete from fired returning what`
          return rows.map(({ what }) => what).sort()
        }
        await stage.sql.unsafe(`
          create table fired (what text);
          create function note() returns trigger language plpgsql as
            $$ begin insert into fired values (tg_op || ' ' || tg_when || ' ' || tg_level); return new; end $$;
          create trigger one before insert on contacts for each row execute function note();
          create trigger two after insert on contacts for each statement execute function note();
          create trigger three after update on contacts for each row execute function note();
          alter table contacts add column number bigserial`)
        try {
          await stage.edit(recordKey('r1', tenant), (editor) => editor.set('lastName', 'Ada'))
          await projector.drain()
          expect((await fired()).filter((what) => what.startsWith('INSERT'))).toEqual([
            'INSERT AFTER STATEMENT',
            'INSERT BEFORE ROW',
          ])
          for (const lastName of ['Bea', 'Cid', 'Dan']) {
            await stage.edit(recordKey('r1', tenant), (editor) => editor.set('lastName', lastName))
            await projector.drain()
          }
          expect(await fired()).toEqual(Array.from({ length: 3 }, () => 'UPDATE AFTER ROW'))
          await stage.edit(recordKey('r2', tenant), (editor) => editor.set('lastName', 'Eve'))
          await projector.drain()
          const numbers = await stage.sql<{ number: number }[]>`select number from contacts where tenant = ${tenant} order by id`
          expect((numbers[1]?.number ?? 0) - (numbers[0]?.number ?? 0)).toBe(1)
          expect(await stage.wrong(tenant)).toEqual([])
        } finally {
          await stage.sql.unsafe(`
            drop trigger one on contacts; drop trigger two on contacts; drop trigger three on contacts;
            drop function note(); drop table fired; alter table contacts drop column number`)
        }
      }))

    test.each([
      ['contacts', 'insert', "new.last_name = 'Unspeakable'"],
      ['contacts', 'update', "new.last_name = 'Unspeakable'"],
      ['contact_emails', 'insert', "new.label = 'Unspeakable'"],
      ['contact_emails', 'update', "new.label = 'Unspeakable'"],
    ])('P6: a trigger on %s that swallows an %s is its record’s fault alone, and heals', (table, operation, condition) =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const keys = Array.from({ length: 9 }, (_, n) => recordKey(`r${n}`, tenant))
        const projector = stage.projector()
        const edit = async (value: (id: string) => string): Promise<void> => {
          for (const key of keys) {
            await stage.edit(key, (editor) => {
              editor.set('lastName', value(key.id))
              editor.addEntry('emails', { address: 'a@example.org' }, { id: 'e1' })
              editor.setColumn('emails', 'e1', 'label', value(key.id))
            })
          }
          await projector.drain()
        }
        if (operation === 'update') await edit(() => 'Good')
        await stage.sql.unsafe(`
          create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;
          create trigger swallow before ${operation} on ${table} for each row when (${condition}) execute function swallow()`)
        try {
          await edit((id) => (id === 'r4' ? 'Unspeakable' : id))
          expect(await stage.wrong(tenant)).toEqual(['contact/r4'])
          expect((await listFaults(stage.sql)).filter((fault) => fault.tenant === tenant)).toMatchObject([
            { id: 'r4', fault: `A trigger on ${table} kept the row from being written.` },
          ])
        } finally {
          await stage.sql.unsafe(`drop trigger swallow on ${table}; drop function swallow()`)
        }
        await stage.edit(recordKey('r4', tenant), (editor) => editor.set('firstName', 'Ada'))
        await projector.drain()
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test('P6: a trigger that swallows the deletion of a row is its record’s fault alone, and heals', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const keys = Array.from({ length: 5 }, (_, n) => recordKey(`r${n}`, tenant))
        const projector = stage.projector()
        for (const key of keys) await stage.edit(key, (editor) => editor.add('tags', `of ${key.id}`))
        await projector.drain()
        await stage.sql.unsafe(`
          create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;
          create trigger swallow before delete on contact_tags for each row when (old.tag = 'of r3') execute function swallow()`)
        try {
          for (const key of keys) await stage.edit(key, (editor) => editor.remove('tags', `of ${key.id}`))
          await projector.drain()
          expect(await stage.wrong(tenant)).toEqual(['contact/r3'])
          expect((await listFaults(stage.sql)).filter((fault) => fault.tenant === tenant)).toMatchObject([
            { id: 'r3', fault: 'A trigger on contact_tags kept the row from being written.' },
          ])
        } finally {
          await stage.sql.unsafe('drop trigger swallow on contact_tags; drop function swallow()')
        }
        await stage.edit(recordKey('r3', tenant), (editor) => editor.set('firstName', 'Ada'))
        await projector.drain()
        expect(await stage.wrong(tenant)).toEqual([])
      }))
  })
}
