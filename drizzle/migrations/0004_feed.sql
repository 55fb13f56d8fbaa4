CREATE TABLE "rapport"."feed_heads" (
	"tenant" text COLLATE "C" NOT NULL,
	"position" bigint NOT NULL,
	"removed" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "feed_heads_key" PRIMARY KEY("tenant")
);
--> statement-breakpoint
CREATE TABLE "rapport"."webhooks" (
	"tenant" text COLLATE "C" NOT NULL,
	"id" uuid NOT NULL,
	"url" text NOT NULL,
	"secret" text NOT NULL,
	"previous_secret" text,
	"previous_until" timestamp with time zone,
	"types" text[],
	"position" bigint NOT NULL,
	"state" text DEFAULT 'active' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_try" timestamp with time zone NOT NULL,
	"last_error" text,
	"delivered_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"lease" uuid,
	"leased_until" timestamp with time zone,
	CONSTRAINT "webhooks_key" PRIMARY KEY("tenant","id"),
	CONSTRAINT "webhooks_id" UNIQUE("id")
);
--> statement-breakpoint
DROP INDEX "rapport"."outbox_unpositioned";--> statement-breakpoint
ALTER TABLE "rapport"."outbox" ADD COLUMN "serial" bigint;--> statement-breakpoint
-- What is there already goes by when it was written, and events of one moment by what they say of their record.
UPDATE "rapport"."outbox" o SET "serial" = placed.serial
FROM (
	SELECT ctid AS place, row_number() OVER (ORDER BY "at", ("payload"->>'documentSequence')::bigint, "id") AS serial
	FROM "rapport"."outbox"
) AS placed
WHERE o.ctid = placed.place;--> statement-breakpoint
ALTER TABLE "rapport"."outbox" ALTER COLUMN "serial" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "rapport"."outbox" ALTER COLUMN "serial" ADD GENERATED ALWAYS AS IDENTITY (sequence name "rapport"."outbox_serial_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1);--> statement-breakpoint
SELECT setval('"rapport"."outbox_serial_seq"', (SELECT coalesce(max("serial"), 0) + 1 FROM "rapport"."outbox"), false);--> statement-breakpoint
CREATE UNIQUE INDEX "outbox_feed" ON "rapport"."outbox" USING btree ("tenant","position") WHERE "rapport"."outbox"."position" is not null;--> statement-breakpoint
CREATE INDEX "outbox_unpositioned" ON "rapport"."outbox" USING btree ("serial") WHERE "rapport"."outbox"."position" is null;
--> statement-breakpoint
-- Gives positions to events that have none, at most so many, and returns how far each tenant is now. One statement of the caller is one
-- transaction, and one runs at a time: whoever waited for the lock sees what was committed meanwhile, since the function is volatile.
CREATE FUNCTION "rapport"."position_events"(most integer)
RETURNS TABLE (of_tenant text, reached bigint, given bigint) LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(7269312056);
	RETURN QUERY
	WITH waiting AS MATERIALIZED (
		SELECT o.tenant, o.id, o.serial FROM rapport.outbox o WHERE o.position IS NULL ORDER BY o.serial LIMIT most
	), placed AS MATERIALIZED (
		SELECT w.tenant, w.id, coalesce(h.position, 0) + row_number() OVER (PARTITION BY w.tenant ORDER BY w.serial) AS position
		FROM waiting w LEFT JOIN rapport.feed_heads h ON h.tenant = w.tenant
	), written AS (
		UPDATE rapport.outbox o SET position = p.position FROM placed p
		WHERE o.tenant = p.tenant AND o.id = p.id
		RETURNING o.tenant, o.position
	), heads AS (
		INSERT INTO rapport.feed_heads AS h (tenant, position)
		SELECT w.tenant, max(w.position) FROM written w GROUP BY w.tenant ORDER BY w.tenant
		ON CONFLICT (tenant) DO UPDATE SET position = excluded.position
		RETURNING h.tenant, h.position
	)
	SELECT n.tenant, n.position, (SELECT count(*) FROM written w WHERE w.tenant = n.tenant) FROM heads n;
END
$$;
--> statement-breakpoint
-- Removes a tenant's oldest events, those before `older`, as far as the active webhooks are; at most so many. Without a gap, so that one
-- number says what is gone. Returns how many.
CREATE FUNCTION "rapport"."remove_events"(from_tenant text, older timestamp with time zone, most integer)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	gone_before bigint;
	needed_after bigint;
	last_gone bigint;
	count_gone bigint;
BEGIN
	SELECT h.removed INTO gone_before FROM rapport.feed_heads h WHERE h.tenant = from_tenant FOR UPDATE;
	IF NOT FOUND THEN RETURN 0; END IF;
	SELECT min(w.position) INTO needed_after FROM rapport.webhooks w WHERE w.tenant = from_tenant AND w.state = 'active';
	WITH oldest AS MATERIALIZED (
		SELECT o.id, o.position, o.at FROM rapport.outbox o
		WHERE o.tenant = from_tenant AND o.position > gone_before AND (needed_after IS NULL OR o.position <= needed_after)
		ORDER BY o.position LIMIT most
	), kept AS (
		SELECT min(f.position) AS position FROM oldest f WHERE f.at >= older
	), gone AS (
		DELETE FROM rapport.outbox o USING oldest f, kept k
		WHERE o.tenant = from_tenant AND o.id = f.id AND (k.position IS NULL OR f.position < k.position)
		RETURNING o.position
	)
	SELECT max(g.position), count(*) INTO last_gone, count_gone FROM gone g;
	IF count_gone > 0 THEN
		UPDATE rapport.feed_heads h SET removed = last_gone WHERE h.tenant = from_tenant;
	END IF;
	RETURN count_gone;
END
$$;
