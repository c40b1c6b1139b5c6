/*
 * A registry zone as a reader of the design would write it down: flat arrays of what was said, and
 * everything that follows computed from scratch each time it is wanted. Slow, and right on sight.
 * Written from design.md sections 6, 7 and 14, RFC 2136, 1034, 4592, 6672 and 6763; it shares no
 * code with src/. Names and RDATA are rows of two tables, said as text, folded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define APEX "svc.example."
#define NONE (-1)

/* ---- the small universe ------------------------------------------------------------------ */

enum model_place {
	PLACE_PLAIN,
	PLACE_APEX,
	PLACE_TYPE,
	PLACE_SUBTYPE,
	PLACE_INSTANCE,
	PLACE_SERVICES,
	PLACE_POOL,
};

struct model_name {
	const char *text;
	enum model_place place;
	const char *type; /* of an instance or subtype */
	const char *pool; /* reserved while this is the pool's label */
	bool is_closed; /* a wildcard over services: nothing may stand here */
	bool is_above; /* derived records stand here or below: no CNAME, DNAME, NS */
};

struct model_rdata {
	uint16_t type;
	const char *text;
};

extern const struct model_name model_names[];
extern const struct model_rdata model_rdatas[];
extern const size_t model_name_count;
extern const size_t model_rdata_count;

#define NAMES_MAX 64

/* Row of a name; NONE: not in the table. */
int model_name_of(const char *text);

/* ---- commands ---------------------------------------------------------------------------- */

enum model_owner { MODEL_NOBODY, MODEL_BASE, MODEL_NET, MODEL_KEY_A, MODEL_KEY_B, MODEL_OPERATOR };

struct model_shape {
	uint32_t ttl_derived_s;
	uint32_t ttl_max_s;
	uint32_t lease_min_s;
	uint32_t lease_max_s;
	uint32_t key_lease_max_s;
	bool refuses_permanent; /* lease.default: refuse */
	uint32_t lease_default_s; /* 0: permanent */
	const char *pool_label;
};

struct model_soa {
	uint32_t ttl;
	uint32_t serial;
	uint32_t minimum;
};

enum model_form { ADD, DELETE_SET, DELETE_NAME, DELETE_RR };
enum model_prereq_form { IS_USED, SET_EXISTS, IS_UNUSED, SET_MISSING, SET_EQUALS };

struct model_change {
	enum model_form form;
	int name;
	uint16_t type;
	int rdata; /* NONE: as the form, or SOA */
	uint32_t ttl;
	struct model_soa soa; /* with type SOA */
};

struct model_prereq {
	enum model_prereq_form form;
	int name;
	uint16_t type;
	int rdata;
};

#define CHANGES_MAX 16
#define PREREQS_MAX 4
#define BASE_MAX 40
#define EXPIRIES_MAX NAMES_MAX

struct model_update {
	enum model_owner owner;
	bool takeover;
	bool hold; /* a rule holds the instances that it makes */
	bool has_lease;
	bool has_key_lease;
	uint32_t lease_s;
	uint32_t key_lease_s;
	uint64_t signed_s;
	size_t prereq_count;
	struct model_prereq prereqs[PREREQS_MAX];
	size_t change_count;
	struct model_change changes[CHANGES_MAX];
};

struct model_base {
	struct model_shape shape;
	struct model_soa soa;
	size_t count;
	struct {
		int name;
		int rdata;
		uint32_t ttl;
	} records[BASE_MAX];
};

struct model_expire {
	size_t count;
	struct {
		int name;
		uint64_t version;
	} leases[EXPIRIES_MAX];
};

enum model_kind {
	MODEL_UPDATE,
	MODEL_SET_BASE,
	MODEL_EXPIRE,
	MODEL_RETIRE,
	MODEL_RELEASE,
	MODEL_REMOVE,
};

struct model_command {
	enum model_kind kind;
	struct model_update update;
	struct model_base base;
	struct model_expire expire;
	int name; /* that the operator releases or removes */
};

/* ---- the zone ---------------------------------------------------------------------------- */

#define RECORDS_MAX 500

struct model_record {
	int name;
	int rdata;
	uint32_t ttl;
	bool is_base;
	bool is_leased; /* at names that nobody owns */
};

/* What is known of a name beside its records. */
struct model_entry {
	enum model_owner owner;
	uint32_t lease_s;
	uint32_t key_lease_s;
	uint64_t version;
	uint64_t renewed; /* version of the last UPDATE with a lease that added something here */
	uint64_t signed_s; /* what its key signed earlier is a replay */
	uint64_t subtypes; /* bit: row of the subtype's name */
	bool has_ptr;
	bool is_overdue;
	bool is_held; /* an instance, until it is released */
};

/* Of a name that a key had: until when it is a replay what was signed earlier. */
struct model_mark {
	uint64_t signed_s;
	uint64_t until_s;
	bool is_kept; /* nobody else gets the name */
	uint64_t kept_s; /* until then, if so; as until_s, by now_s */
};

struct model {
	uint64_t time_s; /* of the batch; 0: nothing is ever a replay */
	uint64_t now_s; /* of the batch, for the names that are kept */
	bool is_served;
	struct model_shape shape;
	struct model_soa soa;
	uint32_t serial;
	bool is_serial_set; /* in this batch, by a SOA */
	struct model_entry entries[NAMES_MAX];
	struct model_mark marks[NAMES_MAX][2]; /* by key */
	size_t count;
	struct model_record records[RECORDS_MAX]; /* last, so that a copy takes those there are */
};

void model_init(struct model *model);
void model_copy(struct model *to, const struct model *from);

/* The rcode. *is_change: an UPDATE moved something besides time. */
unsigned model_apply(struct model *model, const struct model_command *command, uint64_t version,
		     bool *is_change);

/* Ends a batch: one step of the serial if anything differs from what was before it. */
void model_end_batch(struct model *model, const struct model *before);

/* Has anything been put for the name? Is the instance in the pool? */
bool model_has_entry(const struct model *model, int name);
bool model_is_published(const struct model *model, int name);
enum model_place model_place(const struct model *model, int name);

/* The instance that a PTR at `name` is about; NONE: it is a record like others. */
int model_instance_of_ptr(const struct model *model, int name, int rdata);

/* ---- what queries see -------------------------------------------------------------------- */

struct model_rr {
	const char *name;
	uint16_t type;
	uint32_t ttl;
	const char *rdata;
};

#define VIEW_MAX 1500

struct model_view {
	size_t count; /* SOA last; without duplicates */
	struct model_rr rrs[VIEW_MAX];
	char soa[128];
};

void model_look(const struct model *model, struct model_view *view);

/* Does the name exist, with records or as an empty non-terminal? */
bool model_exists(const struct model_view *view, const char *name);

/* Answer section of a query by TCP; texts of names that were made are in `made`. */
struct model_answer {
	unsigned rcode;
	size_t count;
	struct model_rr rrs[VIEW_MAX];
	char made[40][600];
	size_t made_count;
};

void model_ask(const struct model_view *view, const char *name, uint16_t type,
	       struct model_answer *answer);
