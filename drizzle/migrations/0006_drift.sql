CREATE TABLE "rapport"."mappings" (
	"id" text COLLATE "C" NOT NULL,
	"version" integer NOT NULL,
	"definition" jsonb NOT NULL,
	"hash" text NOT NULL,
	"tables" jsonb NOT NULL,
	"first_seen" timestamp with time zone DEFAULT now() NOT NULL,
	"contracted_at" timestamp with time zone,
	CONSTRAINT "mappings_key" PRIMARY KEY("id","version")
);
--> statement-breakpoint
ALTER TABLE "rapport"."projection_state" ADD COLUMN "retired" jsonb;