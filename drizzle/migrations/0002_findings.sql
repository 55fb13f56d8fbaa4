CREATE TABLE "rapport"."conflicts" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"id" uuid NOT NULL,
	"path" text[] NOT NULL,
	"status" text NOT NULL,
	"kept_client" bigint NOT NULL,
	"kept_clock" bigint NOT NULL,
	"kept_value" text,
	"kept_sub" text NOT NULL,
	"kept_role" text NOT NULL,
	"replaced_client" bigint NOT NULL,
	"replaced_clock" bigint NOT NULL,
	"replaced_value" text,
	"replaced_sub" text NOT NULL,
	"replaced_role" text NOT NULL,
	"sequence" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"settled_at" timestamp with time zone,
	"settled_by" text,
	CONSTRAINT "conflicts_key" PRIMARY KEY("tenant","type","record_id","id")
);
--> statement-breakpoint
CREATE TABLE "rapport"."field_changes" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"sequence" bigint NOT NULL,
	"ordinal" integer NOT NULL,
	"path" text[] NOT NULL,
	"before" text,
	"after" text,
	"author_sub" text NOT NULL,
	"author_role" text NOT NULL,
	"device" text,
	"via" text NOT NULL,
	"item_client" bigint,
	"item_clock" bigint,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "field_changes_key" PRIMARY KEY("tenant","type","record_id","sequence","ordinal")
);
--> statement-breakpoint
CREATE TABLE "rapport"."record_clients" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"client" bigint NOT NULL,
	"owner_sub" text NOT NULL,
	"owner_role" text NOT NULL,
	"relayed" boolean NOT NULL,
	"sequence" bigint,
	"position" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rapport"."record_clients_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "record_clients_key" PRIMARY KEY("tenant","type","record_id","client")
);
--> statement-breakpoint
CREATE TABLE "rapport"."restorations" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "rapport"."restorations_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rapport"."set_aside" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"author_sub" text NOT NULL,
	"id" uuid NOT NULL,
	"reason" text NOT NULL,
	"author_role" text NOT NULL,
	"roles" text[] NOT NULL,
	"teams" text[] NOT NULL,
	"awaits" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"bytes" "bytea" NOT NULL,
	CONSTRAINT "set_aside_key" PRIMARY KEY("tenant","type","record_id","author_sub"),
	CONSTRAINT "set_aside_id" UNIQUE("tenant","id")
);
--> statement-breakpoint
ALTER TABLE "rapport"."server_items" ALTER COLUMN "stands_for_client" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "rapport"."server_items" ALTER COLUMN "stands_for_clock" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "rapport"."quarantine" ADD COLUMN "roles" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "rapport"."quarantine" ADD COLUMN "teams" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "rapport"."server_items" ADD COLUMN "cleared" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "rapport"."server_items" ADD COLUMN "ordinal" integer;--> statement-breakpoint
UPDATE "rapport"."server_items" i SET "ordinal" = placed.ordinal
FROM (
	SELECT ctid AS place, row_number() OVER (PARTITION BY "tenant", "type", "record_id", "sequence" ORDER BY "client", "clock") - 1 AS ordinal
	FROM "rapport"."server_items"
) AS placed
WHERE i.ctid = placed.place;--> statement-breakpoint
ALTER TABLE "rapport"."server_items" ALTER COLUMN "ordinal" SET NOT NULL;--> statement-breakpoint
CREATE INDEX "record_clients_announced" ON "rapport"."record_clients" USING btree ("tenant","type","record_id","owner_sub","position") WHERE "rapport"."record_clients"."sequence" is null;--> statement-breakpoint
ALTER TABLE "rapport"."server_items" DROP CONSTRAINT "server_items_key";
--> statement-breakpoint
ALTER TABLE "rapport"."server_items" ADD CONSTRAINT "server_items_key" PRIMARY KEY("tenant","type","record_id","sequence","ordinal");
--> statement-breakpoint
-- Volatile, so that within one statement each call sees what was committed until then: see server/log/insert-statement.ts.
CREATE FUNCTION "rapport"."belongs_to_another"(of_tenant text, of_type text, of_record text, of_client bigint, sub text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM rapport.record_clients c
		WHERE c.tenant = of_tenant AND c.type = of_type AND c.record_id = of_record AND c.client = of_client
			AND c.owner_sub <> sub AND NOT c.relayed
	);
END
$$;
--> statement-breakpoint
-- A statement that deletes many rows leaves the planner the choice to read the whole table; one that deletes a row by its key does not.
CREATE FUNCTION "rapport"."withdraw_conflict"(of_tenant text, of_type text, of_record text, of_id uuid)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	DELETE FROM rapport.conflicts c
	WHERE c.tenant = of_tenant AND c.type = of_type AND c.record_id = of_record AND c.id = of_id AND c.status = 'open';
END
$$;
--> statement-breakpoint
CREATE FUNCTION "rapport"."forget_announced"(of_tenant text, of_type text, of_record text, of_client bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	DELETE FROM rapport.record_clients c
	WHERE c.tenant = of_tenant AND c.type = of_type AND c.record_id = of_record AND c.client = of_client AND c.sequence IS NULL;
END
$$;
