CREATE TABLE "rapport"."idempotency_keys" (
	"tenant" text COLLATE "C" NOT NULL,
	"sub" text COLLATE "C" NOT NULL,
	"key" text COLLATE "C" NOT NULL,
	"request" "bytea" NOT NULL,
	"seed" uuid NOT NULL,
	"begun_at" timestamp with time zone NOT NULL,
	"attempt" uuid NOT NULL,
	"busy_until" timestamp with time zone NOT NULL,
	"status" integer,
	"type" text COLLATE "C",
	"record_id" text COLLATE "C",
	"sequence" bigint,
	"body" text,
	CONSTRAINT "idempotency_keys_key" PRIMARY KEY("tenant","sub","key")
);
--> statement-breakpoint
CREATE INDEX "idempotency_keys_by_age" ON "rapport"."idempotency_keys" USING btree ("begun_at");--> statement-breakpoint
CREATE INDEX "idempotency_keys_of_one" ON "rapport"."idempotency_keys" USING btree ("tenant","sub","begun_at");--> statement-breakpoint
-- The words of a text, for search: ASCII punctuation only parts them, so an address falls apart into its words, and nothing is taken for an
-- option, a path or an entity. Only so much of a text is looked at that the result stays below what Postgres can hold, whoever wrote it.
-- Not in plain SQL, which the planner would expand and take for cheap: it is to look into the index rather than at every row.
CREATE FUNCTION "rapport"."search_words"(content text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
BEGIN
	RETURN pg_catalog.to_tsvector('pg_catalog.simple'::pg_catalog.regconfig,
		pg_catalog.translate(pg_catalog."left"(content, 110000), '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', pg_catalog.repeat(' ', 32)));
END
$$;
--> statement-breakpoint
CREATE INDEX "account_emails_words" ON "account_emails" USING gin (rapport.search_words(coalesce("address", '')));--> statement-breakpoint
CREATE INDEX "accounts_words" ON "accounts" USING gin (rapport.search_words(coalesce("name", '') || ' ' || coalesce("summary", '')));--> statement-breakpoint
CREATE INDEX "contact_emails_words" ON "contact_emails" USING gin (rapport.search_words(coalesce("address", '')));--> statement-breakpoint
CREATE INDEX "contacts_words" ON "contacts" USING gin (rapport.search_words(coalesce("first_name", '') || ' ' || coalesce("last_name", '') || ' ' || coalesce("summary", '')));--> statement-breakpoint
CREATE INDEX "opportunities_words" ON "opportunities" USING gin (rapport.search_words(coalesce("name", '') || ' ' || coalesce("summary", '')));
