CREATE SCHEMA IF NOT EXISTS "rapport";
--> statement-breakpoint
CREATE TABLE "rapport"."quarantine" (
	"tenant" text COLLATE "C" NOT NULL,
	"id" uuid NOT NULL,
	"position" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rapport"."quarantine_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"reason" text NOT NULL,
	"author_sub" text NOT NULL,
	"author_role" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"bytes" "bytea" NOT NULL,
	CONSTRAINT "quarantine_key" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE TABLE "rapport"."record_updates" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"sequence" bigint NOT NULL,
	"entry" uuid NOT NULL,
	"update" "bytea" NOT NULL,
	"authors" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "record_updates_key" PRIMARY KEY("tenant","type","record_id","sequence"),
	CONSTRAINT "record_updates_sequence" CHECK ("rapport"."record_updates"."sequence" > 0)
);
--> statement-breakpoint
CREATE TABLE "rapport"."server_items" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"client" bigint NOT NULL,
	"clock" bigint NOT NULL,
	"length" integer NOT NULL,
	"author_sub" text NOT NULL,
	"author_role" text NOT NULL,
	"stands_for_client" bigint NOT NULL,
	"stands_for_clock" bigint NOT NULL,
	"sequence" bigint NOT NULL,
	CONSTRAINT "server_items_key" PRIMARY KEY("tenant","type","record_id","client","clock")
);
--> statement-breakpoint
CREATE TABLE "rapport"."records" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"schema_version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"created_by" text NOT NULL,
	"erased" boolean DEFAULT false NOT NULL,
	"snapshot_sequence" bigint DEFAULT 0 NOT NULL,
	"snapshot_entry" uuid,
	"snapshot_at" timestamp with time zone,
	"snapshot" "bytea",
	"snapshot_vector" "bytea",
	CONSTRAINT "records_key" PRIMARY KEY("tenant","type","id"),
	CONSTRAINT "records_snapshot_whole" CHECK (("rapport"."records"."snapshot_sequence" = 0) = ("rapport"."records"."snapshot" is null))
);
--> statement-breakpoint
CREATE INDEX "quarantine_by_record" ON "rapport"."quarantine" USING btree ("tenant","type","record_id","position");