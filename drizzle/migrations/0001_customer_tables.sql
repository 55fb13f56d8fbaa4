CREATE TABLE "account_activities" (
	"tenant" text COLLATE "C" NOT NULL,
	"account_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"kind" text,
	"at" timestamp with time zone,
	"subject" text,
	"body" text,
	CONSTRAINT "account_activities_key" PRIMARY KEY("tenant","account_id","id")
);
--> statement-breakpoint
CREATE TABLE "account_addresses" (
	"tenant" text COLLATE "C" NOT NULL,
	"account_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"label" text,
	"street" text,
	"city" text,
	"region" text,
	"postal_code" text,
	"country" text,
	"sort_order" integer,
	CONSTRAINT "account_addresses_key" PRIMARY KEY("tenant","account_id","id")
);
--> statement-breakpoint
CREATE TABLE "account_emails" (
	"tenant" text COLLATE "C" NOT NULL,
	"account_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"label" text,
	"address" text,
	"is_primary" boolean,
	"sort_order" integer,
	CONSTRAINT "account_emails_key" PRIMARY KEY("tenant","account_id","id")
);
--> statement-breakpoint
CREATE TABLE "account_phones" (
	"tenant" text COLLATE "C" NOT NULL,
	"account_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"label" text,
	"number" text,
	"is_primary" boolean,
	"sort_order" integer,
	CONSTRAINT "account_phones_key" PRIMARY KEY("tenant","account_id","id")
);
--> statement-breakpoint
CREATE TABLE "account_tags" (
	"tenant" text COLLATE "C" NOT NULL,
	"account_id" text COLLATE "C" NOT NULL,
	"tag" text COLLATE "C" NOT NULL,
	CONSTRAINT "account_tags_key" PRIMARY KEY("tenant","account_id","tag")
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"tenant" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"name" text,
	"industry" text,
	"website" text,
	"employees" integer,
	"stage" text,
	"owner" text,
	"parent_id" text COLLATE "C",
	"credit_limit" numeric(19, 4),
	"currency" text,
	"summary" text,
	"notes_text" text,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"sequence" bigint,
	"deleted_at" timestamp with time zone,
	"created_at" timestamp with time zone,
	CONSTRAINT "accounts_key" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE TABLE "contact_activities" (
	"tenant" text COLLATE "C" NOT NULL,
	"contact_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"kind" text,
	"at" timestamp with time zone,
	"subject" text,
	"body" text,
	CONSTRAINT "contact_activities_key" PRIMARY KEY("tenant","contact_id","id")
);
--> statement-breakpoint
CREATE TABLE "contact_addresses" (
	"tenant" text COLLATE "C" NOT NULL,
	"contact_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"label" text,
	"street" text,
	"city" text,
	"region" text,
	"postal_code" text,
	"country" text,
	"sort_order" integer,
	CONSTRAINT "contact_addresses_key" PRIMARY KEY("tenant","contact_id","id")
);
--> statement-breakpoint
CREATE TABLE "contact_emails" (
	"tenant" text COLLATE "C" NOT NULL,
	"contact_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"label" text,
	"address" text,
	"is_primary" boolean,
	"sort_order" integer,
	CONSTRAINT "contact_emails_key" PRIMARY KEY("tenant","contact_id","id")
);
--> statement-breakpoint
CREATE TABLE "contact_phones" (
	"tenant" text COLLATE "C" NOT NULL,
	"contact_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"label" text,
	"number" text,
	"is_primary" boolean,
	"sort_order" integer,
	CONSTRAINT "contact_phones_key" PRIMARY KEY("tenant","contact_id","id")
);
--> statement-breakpoint
CREATE TABLE "contact_tags" (
	"tenant" text COLLATE "C" NOT NULL,
	"contact_id" text COLLATE "C" NOT NULL,
	"tag" text COLLATE "C" NOT NULL,
	CONSTRAINT "contact_tags_key" PRIMARY KEY("tenant","contact_id","tag")
);
--> statement-breakpoint
CREATE TABLE "contacts" (
	"tenant" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"salutation" text,
	"first_name" text,
	"last_name" text,
	"title" text,
	"department" text,
	"stage" text,
	"owner" text,
	"account_id" text COLLATE "C",
	"birthday" date,
	"website" text,
	"do_not_call" boolean,
	"credit_limit" numeric(19, 4),
	"currency" text,
	"summary" text,
	"notes_text" text,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"sequence" bigint,
	"deleted_at" timestamp with time zone,
	"created_at" timestamp with time zone,
	CONSTRAINT "contacts_key" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE TABLE "opportunities" (
	"tenant" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"name" text,
	"stage" text,
	"amount" numeric(19, 4),
	"currency" text,
	"close_date" date,
	"probability" double precision,
	"owner" text,
	"account_id" text COLLATE "C",
	"summary" text,
	"notes_text" text,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"sequence" bigint,
	"deleted_at" timestamp with time zone,
	"created_at" timestamp with time zone,
	CONSTRAINT "opportunities_key" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE TABLE "opportunity_activities" (
	"tenant" text COLLATE "C" NOT NULL,
	"opportunity_id" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"kind" text,
	"at" timestamp with time zone,
	"subject" text,
	"body" text,
	CONSTRAINT "opportunity_activities_key" PRIMARY KEY("tenant","opportunity_id","id")
);
--> statement-breakpoint
CREATE TABLE "opportunity_contacts" (
	"tenant" text COLLATE "C" NOT NULL,
	"opportunity_id" text COLLATE "C" NOT NULL,
	"contact_id" text COLLATE "C" NOT NULL,
	"role" text,
	CONSTRAINT "opportunity_contacts_key" PRIMARY KEY("tenant","opportunity_id","contact_id")
);
--> statement-breakpoint
CREATE TABLE "opportunity_tags" (
	"tenant" text COLLATE "C" NOT NULL,
	"opportunity_id" text COLLATE "C" NOT NULL,
	"tag" text COLLATE "C" NOT NULL,
	CONSTRAINT "opportunity_tags_key" PRIMARY KEY("tenant","opportunity_id","tag")
);
--> statement-breakpoint
CREATE TABLE "rapport"."outbox" (
	"tenant" text COLLATE "C" NOT NULL,
	"id" uuid NOT NULL,
	"position" bigint,
	"aggregatetype" text NOT NULL,
	"aggregateid" text NOT NULL,
	"type" text NOT NULL,
	"payload" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "outbox_key" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE TABLE "rapport"."projection_marks" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"sequence" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "projection_marks_key" PRIMARY KEY("tenant","type","record_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "rapport"."projection_rebuilds" (
	"mapping" text COLLATE "C" NOT NULL,
	"record_type" text COLLATE "C" NOT NULL,
	"version" integer NOT NULL,
	"cursor_tenant" text COLLATE "C" DEFAULT '' NOT NULL,
	"cursor_id" text COLLATE "C" DEFAULT '' NOT NULL,
	"seen" bigint DEFAULT 0 NOT NULL,
	"changed" bigint DEFAULT 0 NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "projection_rebuilds_key" PRIMARY KEY("mapping")
);
--> statement-breakpoint
CREATE TABLE "rapport"."projection_state" (
	"tenant" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"mapping" text COLLATE "C" NOT NULL,
	"mapping_version" integer DEFAULT 0 NOT NULL,
	"sequence" bigint DEFAULT 0 NOT NULL,
	"base" jsonb,
	"projected_at" timestamp with time zone,
	"misfits" jsonb,
	"fault" text,
	"fault_at" timestamp with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"retry_at" timestamp with time zone,
	CONSTRAINT "projection_state_key" PRIMARY KEY("tenant","type","record_id","mapping")
);
--> statement-breakpoint
CREATE INDEX "account_emails_by_address" ON "account_emails" USING btree ("tenant","address");--> statement-breakpoint
CREATE INDEX "account_phones_by_number" ON "account_phones" USING btree ("tenant","number");--> statement-breakpoint
CREATE INDEX "account_tags_by_tag" ON "account_tags" USING btree ("tenant","tag");--> statement-breakpoint
CREATE INDEX "accounts_by_name" ON "accounts" USING btree ("tenant","name");--> statement-breakpoint
CREATE INDEX "accounts_by_parent" ON "accounts" USING btree ("tenant","parent_id");--> statement-breakpoint
CREATE INDEX "contact_emails_by_address" ON "contact_emails" USING btree ("tenant","address");--> statement-breakpoint
CREATE INDEX "contact_phones_by_number" ON "contact_phones" USING btree ("tenant","number");--> statement-breakpoint
CREATE INDEX "contact_tags_by_tag" ON "contact_tags" USING btree ("tenant","tag");--> statement-breakpoint
CREATE INDEX "contacts_by_name" ON "contacts" USING btree ("tenant","last_name","first_name");--> statement-breakpoint
CREATE INDEX "contacts_by_account" ON "contacts" USING btree ("tenant","account_id");--> statement-breakpoint
CREATE INDEX "opportunities_by_account" ON "opportunities" USING btree ("tenant","account_id");--> statement-breakpoint
CREATE INDEX "opportunity_contacts_by_contact" ON "opportunity_contacts" USING btree ("tenant","contact_id");--> statement-breakpoint
CREATE INDEX "opportunity_tags_by_tag" ON "opportunity_tags" USING btree ("tenant","tag");--> statement-breakpoint
CREATE INDEX "outbox_unpositioned" ON "rapport"."outbox" USING btree ("at") WHERE "rapport"."outbox"."position" is null;--> statement-breakpoint
CREATE INDEX "projection_state_faults" ON "rapport"."projection_state" USING btree ("retry_at") WHERE "rapport"."projection_state"."fault" is not null;