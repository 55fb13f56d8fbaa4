CREATE TABLE "rapport"."inbound_absorber" (
	"place" integer PRIMARY KEY NOT NULL,
	"holder" uuid NOT NULL,
	"until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rapport"."inbound_changes" (
	"tenant" text COLLATE "C" NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rapport"."inbound_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"table_name" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"op" text NOT NULL,
	"before" jsonb,
	"after" jsonb,
	"author" text NOT NULL,
	"transaction" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"reason" text,
	"settled_at" timestamp with time zone,
	CONSTRAINT "inbound_changes_key" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
ALTER TABLE "account_activities" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "account_addresses" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "account_emails" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "account_phones" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "accounts" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "contact_activities" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "contact_addresses" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "contact_emails" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "contact_phones" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "contacts" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "opportunities" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "opportunity_activities" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
CREATE INDEX "inbound_changes_pending" ON "rapport"."inbound_changes" USING btree ("tenant","type","record_id","id") WHERE "rapport"."inbound_changes"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "inbound_changes_settled" ON "rapport"."inbound_changes" USING btree ("settled_at") WHERE "rapport"."inbound_changes"."settled_at" is not null;--> statement-breakpoint
-- A row's owned columns. Those in `exact` as text: a reader of JSON would round them.
CREATE FUNCTION "rapport"."owned_cells"(of_row jsonb, owned text[], exact text[])
RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_object_agg(name, CASE WHEN name = ANY (exact) THEN coalesce(to_jsonb(of_row ->> name), 'null') ELSE of_row -> name END)
	FROM unnest(owned) AS name
$$;
--> statement-breakpoint
-- Captures what a statement did to a row of a mapped table. Arguments: the record type, then as arrays the columns of the key (tenant
-- and record first), the owned columns, and those of them that are kept as text. Runs as its owner: who writes a mapped table needs
-- no right to anything in this schema.
CREATE FUNCTION "rapport"."capture_row"()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 AS $$
DECLARE
	key_names text[] := TG_ARGV[1];
	owned text[] := TG_ARGV[2];
	exact text[] := TG_ARGV[3];
	was jsonb;
	is_now jsonb;
	of_tenant text;
	of_record text;
	actor text := nullif(current_setting('rapport.actor', true), '');
BEGIN
	IF TG_OP <> 'INSERT' THEN
		was := rapport.owned_cells(to_jsonb(OLD), owned, exact);
	END IF;
	IF TG_OP <> 'DELETE' THEN
		is_now := rapport.owned_cells(to_jsonb(NEW), owned, exact);
	END IF;
	IF TG_OP = 'UPDATE' AND EXISTS (SELECT FROM unnest(key_names) AS name WHERE was -> name IS DISTINCT FROM is_now -> name) THEN
		RAISE EXCEPTION 'a row of % keeps its key', TG_TABLE_NAME
			USING ERRCODE = 'feature_not_supported', HINT = 'Delete the row and insert another one.';
	END IF;
	of_tenant := coalesce(is_now, was) ->> key_names[1];
	of_record := coalesce(is_now, was) ->> key_names[2];
	IF TG_OP = 'INSERT' THEN
		IF of_tenant !~ '^[A-Za-z0-9_.-]{1,64}$' THEN
			RAISE EXCEPTION 'a tenant has 1 to 64 letters, digits, dots, dashes and underscores' USING ERRCODE = 'check_violation';
		END IF;
		IF of_record !~ '^[A-Za-z0-9_-]{1,128}$' THEN
			RAISE EXCEPTION 'an id of a record has 1 to 128 letters, digits, dashes and underscores' USING ERRCODE = 'check_violation';
		END IF;
		IF EXISTS (SELECT FROM rapport.records r WHERE r.tenant = of_tenant AND r.type = TG_ARGV[0] AND r.id = of_record AND r.erased) THEN
			RAISE EXCEPTION 'this record was erased for good' USING ERRCODE = 'check_violation', HINT = 'A new record needs a new id.';
		END IF;
	END IF;
	IF length(actor) > 200 OR actor ~ '[[:cntrl:]]' OR trim(actor) = '' OR actor = 'rapport' THEN
		RAISE EXCEPTION 'rapport.actor is not the subject of a user' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO rapport.inbound_changes (tenant, table_name, type, record_id, op, before, after, author, transaction, at)
	VALUES (
		of_tenant, TG_TABLE_NAME, TG_ARGV[0], of_record, lower(TG_OP), was, is_now, coalesce(actor, 'sql:' || session_user),
		pg_current_xact_id()::text::bigint, statement_timestamp()
	);
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION "rapport"."refuse_truncate"()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are part of live records and cannot be truncated away', TG_TABLE_NAME
		USING ERRCODE = 'feature_not_supported', HINT = 'DELETE marks records as deleted.';
END
$$;
--> statement-breakpoint
-- Volatile, so that each call sees what was committed until then: see server/projection/table-statements.ts.
CREATE FUNCTION "rapport"."refuse_awaited"(of_tenant text, of_type text, of_record text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF EXISTS (
		SELECT FROM rapport.inbound_changes c
		WHERE c.tenant = of_tenant AND c.type = of_type AND c.record_id = of_record AND c.status = 'pending'
	) THEN
		RAISE EXCEPTION 'a change of this record waits to be absorbed' USING ERRCODE = 'lock_not_available';
	END IF;
	RETURN true;
END
$$;
--> statement-breakpoint
-- Whether a change still waits. If so it is held until the transaction ends: see server/log/insert-statement.ts.
CREATE FUNCTION "rapport"."hold_inbound"(of_tenant text, of_id bigint)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM FROM rapport.inbound_changes c WHERE c.tenant = of_tenant AND c.id = of_id AND c.status = 'pending' FOR NO KEY UPDATE;
	RETURN FOUND;
END
$$;
--> statement-breakpoint
CREATE FUNCTION "rapport"."settle_inbound"(of_tenant text, of_id bigint, to_status text, why text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	UPDATE rapport.inbound_changes c SET status = to_status, reason = why, settled_at = now()
	WHERE c.tenant = of_tenant AND c.id = of_id AND c.status = 'pending';
	RETURN FOUND;
END
$$;
