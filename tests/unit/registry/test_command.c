#include <stdio.h>

#include "base/err.h"
#include "base/rand.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/update.h"
#include "registry/command.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define ROOM 65536
#define ZONE "\3svc\7example"

static const uint8_t zone[] = ZONE;

/* A command under construction, and what went into it. */
struct made {
	uint8_t octets[ROOM];
	size_t size;
};

static const uint8_t *name(const char *text)
{
	static uint8_t names[8][DNS_NAME_MAX];
	static unsigned next;
	uint8_t *out = names[next++ % COUNT_OF(names)];

	ck_assert_int_gt(dns_name_from_text(out, text, zone), 0);
	return out;
}

/* ---- generated commands ------------------------------------------------------------------ */

struct drawn {
	uint8_t form;
	uint16_t type;
	uint32_t ttl;
	uint8_t name[DNS_NAME_MAX];
	uint16_t rdata_size;
	uint8_t rdata[512];
};

static void draw_octets(struct rand *rand, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		out[i] = (uint8_t)rand_next(rand);
	}
}

/* A name of any octets, in the zone. */
static void draw_name(struct rand *rand, uint8_t out[DNS_NAME_MAX])
{
	const size_t limit = rand_below(rand, DNS_NAME_MAX - (uint32_t)sizeof(zone) + 1);
	size_t size = 0;

	for (;;) {
		const size_t label = 1 + rand_below(rand, DNS_LABEL_MAX);

		if (size + label + 1 > limit) {
			break;
		}
		out[size] = (uint8_t)label;
		draw_octets(rand, out + size + 1, label);
		size += label + 1;
	}
	memcpy(out + size, zone, sizeof(zone));
}

static void draw_rdata(struct rand *rand, struct drawn *record)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_SRV, DNS_TYPE_PTR, DNS_TYPE_TXT,
					 65280};

	record->type = types[rand_below(rand, COUNT_OF(types))];
	switch (record->type) {
	case DNS_TYPE_A:
		record->rdata_size = 4;
		draw_octets(rand, record->rdata, 4);
		break;
	case DNS_TYPE_SRV:
		draw_octets(rand, record->rdata, 6);
		draw_name(rand, record->rdata + 6);
		record->rdata_size = (uint16_t)(6 + dns_name_size(record->rdata + 6));
		break;
	case DNS_TYPE_PTR:
		draw_name(rand, record->rdata);
		record->rdata_size = (uint16_t)dns_name_size(record->rdata);
		break;
	case DNS_TYPE_TXT:
		record->rdata[0] = (uint8_t)rand_next(rand);
		draw_octets(rand, record->rdata + 1, record->rdata[0]);
		record->rdata_size = (uint16_t)(record->rdata[0] + 1);
		break;
	default:
		record->rdata_size = (uint16_t)rand_below(rand, sizeof(record->rdata) + 1);
		draw_octets(rand, record->rdata, record->rdata_size);
		break;
	}
}

static void draw_record(struct rand *rand, struct drawn *record, bool is_prereq)
{
	*record = (struct drawn){0};
	record->form = (uint8_t)rand_below(rand, is_prereq ? 5 : 4);
	draw_name(rand, record->name);
	if (is_prereq ? record->form == DNS_PREREQ_RRSET_EQUALS
		      : record->form == DNS_UPDATE_ADD || record->form == DNS_UPDATE_DELETE_RR) {
		draw_rdata(rand, record);
	} else if (is_prereq ? record->form == DNS_PREREQ_NAME_USED ||
				       record->form == DNS_PREREQ_NAME_UNUSED
			     : record->form == DNS_UPDATE_DELETE_NAME) {
		record->type = DNS_TYPE_ANY;
	} else {
		record->type = DNS_TYPE_TXT;
	}
	record->ttl = is_prereq ? 0 : (uint32_t)rand_next(rand) & DNS_TTL_MAX;
}

#define RECORDS 6

struct sample {
	struct command_update update;
	uint8_t key[DNS_NAME_MAX];
	struct drawn prereqs[RECORDS];
	struct drawn changes[RECORDS];
};

static void draw_update(struct rand *rand, struct sample *sample)
{
	struct command_update *update = &sample->update;

	*update = (struct command_update){.zone = zone};
	update->takeover = rand_below(rand, 2) == 1;
	update->signed_s = rand_next(rand);
	update->lease.present = rand_below(rand, 2) == 1;
	update->lease.has_key = rand_below(rand, 2) == 1;
	update->lease.lease_s = (uint32_t)rand_next(rand);
	update->lease.key_lease_s = (uint32_t)rand_next(rand);
	update->owner.kind = OWNER_NET;
	if (rand_below(rand, 2) == 1) {
		draw_name(rand, sample->key);
		update->owner.kind = OWNER_KEY;
		update->owner.id = sample->key;
		update->owner.id_size = (uint8_t)dns_name_size(sample->key);
	}
	update->prereq_count = (uint16_t)rand_below(rand, RECORDS + 1);
	update->update_count = (uint16_t)rand_below(rand, RECORDS + 1);
	for (size_t i = 0; i < RECORDS; i++) {
		draw_record(rand, &sample->prereqs[i], true);
		draw_record(rand, &sample->changes[i], false);
	}
}

static struct command_prereq prereq_of(const struct drawn *record)
{
	return (struct command_prereq){.form = record->form,
				       .name = record->name,
				       .type = record->type,
				       .rdata_size = record->rdata_size,
				       .rdata = record->rdata};
}

static struct command_change change_of(const struct drawn *record)
{
	return (struct command_change){.form = record->form,
				       .name = record->name,
				       .type = record->type,
				       .ttl = record->ttl,
				       .rdata_size = record->rdata_size,
				       .rdata = record->rdata};
}

static void make_update(struct made *made, const struct sample *sample)
{
	struct buf_writer out = buf_writer(made->octets, ROOM);
	size_t size = command_update_size(&sample->update);

	command_write_update(&out, &sample->update);
	for (size_t i = 0; i < sample->update.prereq_count; i++) {
		const struct command_prereq prereq = prereq_of(&sample->prereqs[i]);

		command_write_prereq(&out, &prereq);
		size += command_prereq_size(&prereq);
	}
	for (size_t i = 0; i < sample->update.update_count; i++) {
		const struct command_change change = change_of(&sample->changes[i]);

		command_write_change(&out, &change);
		size += command_change_size(&change);
	}
	ck_assert(!out.failed);
	made->size = buf_written(&out);
	ck_assert_uint_eq(made->size, size);
}

static void check_update(const struct command_update *got, const struct sample *sample)
{
	const struct command_update *want = &sample->update;
	struct buf_reader prereqs = got->prereqs;
	struct buf_reader updates = got->updates;
	struct command_change change;
	struct command_prereq prereq;

	ck_assert(dns_name_equal(got->zone, want->zone));
	ck_assert(owner_equal(&got->owner, &want->owner));
	ck_assert(got->takeover == want->takeover);
	ck_assert_uint_eq(got->signed_s, want->signed_s);
	ck_assert(got->lease.present == want->lease.present);
	ck_assert(got->lease.has_key == want->lease.has_key);
	ck_assert_uint_eq(got->lease.lease_s, want->lease.lease_s);
	ck_assert_uint_eq(got->lease.key_lease_s, want->lease.key_lease_s);
	ck_assert_uint_eq(got->prereq_count, want->prereq_count);
	ck_assert_uint_eq(got->update_count, want->update_count);
	for (size_t i = 0; i < want->prereq_count; i++) {
		const struct drawn *record = &sample->prereqs[i];

		ck_assert_int_eq(command_read_prereq(&prereqs, &prereq), OK);
		ck_assert_uint_eq(prereq.form, record->form);
		ck_assert_uint_eq(prereq.type, record->type);
		ck_assert(dns_name_equal(prereq.name, record->name));
		ck_assert_uint_eq(prereq.rdata_size, record->rdata_size);
		ck_assert_mem_eq(prereq.rdata, record->rdata, record->rdata_size);
	}
	for (size_t i = 0; i < want->update_count; i++) {
		const struct drawn *record = &sample->changes[i];

		ck_assert_int_eq(command_read_change(&updates, &change), OK);
		ck_assert_uint_eq(change.form, record->form);
		ck_assert_uint_eq(change.type, record->type);
		ck_assert_uint_eq(change.ttl, record->ttl);
		ck_assert(dns_name_equal(change.name, record->name));
		ck_assert_uint_eq(change.rdata_size, record->rdata_size);
		ck_assert_mem_eq(change.rdata, record->rdata, record->rdata_size);
	}
	ck_assert_int_eq(command_read_change(&updates, &change), ERR_DAMAGED);
}

START_TEST(updates_come_back_as_written)
{
	struct rand rand;

	rand_init(&rand, 1);
	for (int round = 0; round < 2000; round++) {
		static struct made made;
		static struct sample sample;
		struct command_update got;

		draw_update(&rand, &sample);
		make_update(&made, &sample);
		ck_assert_int_eq(command_kind(made.octets, made.size), COMMAND_UPDATE);
		ck_assert_int_eq(command_read_update(&got, made.octets, made.size), OK);
		check_update(&got, &sample);
	}
}
END_TEST

/* ---- one of each kind -------------------------------------------------------------------- */

static void make_some_update(struct made *made)
{
	static const uint8_t srv[] = "\0\0\0\0\x1f\x90\2h1" ZONE;
	const struct command_update update = {
		.zone = zone,
		.owner = {.kind = OWNER_KEY, .id = (const uint8_t *)"\3ops", .id_size = 5},
		.lease = {.present = true, .lease_s = 60},
		.prereq_count = 2,
		.update_count = 3};
	const struct command_prereq unused = {.form = DNS_PREREQ_NAME_UNUSED,
					      .name = name("web._http._tcp"),
					      .type = DNS_TYPE_ANY};
	const struct command_prereq equals = {.form = DNS_PREREQ_RRSET_EQUALS,
					      .name = name("h1"),
					      .type = DNS_TYPE_A,
					      .rdata_size = 4,
					      .rdata = (const uint8_t *)"\300\0\2\1"};
	const struct command_change add = {.form = DNS_UPDATE_ADD,
					   .name = name("web._http._tcp"),
					   .type = DNS_TYPE_SRV,
					   .ttl = 60,
					   .rdata_size = sizeof(srv),
					   .rdata = srv};
	const struct command_change delete_set = {.form = DNS_UPDATE_DELETE_RRSET,
						  .name = name("web._http._tcp"),
						  .type = DNS_TYPE_TXT};
	const struct command_change delete_name = {
		.form = DNS_UPDATE_DELETE_NAME, .name = name("h2"), .type = DNS_TYPE_ANY};
	struct buf_writer out = buf_writer(made->octets, ROOM);

	command_write_update(&out, &update);
	command_write_prereq(&out, &unused);
	command_write_prereq(&out, &equals);
	command_write_change(&out, &add);
	command_write_change(&out, &delete_set);
	command_write_change(&out, &delete_name);
	made->size = buf_written(&out);
}

static struct zone_soa some_soa(void)
{
	struct zone_soa soa = {
		.ttl = 300, .serial = 7, .refresh = 1, .retry = 2, .expire = 3, .minimum = 4};

	memcpy(soa.mname, "\3ns1", 5);
	memcpy(soa.rname, "\5admin" ZONE, 19);
	return soa;
}

static struct command_base some_base(const struct zone_soa *soa)
{
	return (struct command_base){
		.zone = zone,
		.shape = {.ttl_derived_s = 10,
			  .ttl_max_s = 86400,
			  .lease_min_s = 30,
			  .lease_max_s = 7200,
			  .key_lease_max_s = 604800,
			  .lease_default = ZONE_LEASE_DURATION,
			  .lease_default_s = 3600,
			  .answer_max = 100,
			  .change_max = 200000,
			  .pool_label = "\4pool"},
		.ring_key = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		.soa = soa,
		.count = 1};
}

static void make_some_base(struct made *made)
{
	const struct zone_soa soa = some_soa();
	const struct command_base base = some_base(&soa);
	const struct command_change record = {.form = DNS_UPDATE_ADD,
					      .name = name("h1"),
					      .type = DNS_TYPE_A,
					      .ttl = 300,
					      .rdata_size = 4,
					      .rdata = (const uint8_t *)"\300\0\2\1"};
	struct buf_writer out = buf_writer(made->octets, ROOM);

	command_write_base(&out, &base);
	ck_assert_uint_eq(buf_written(&out), command_base_size(&base));
	command_write_change(&out, &record);
	made->size = buf_written(&out);
}

static void make_some_expire(struct made *made)
{
	const struct command_expiry expiries[] = {{zone, name("web._http._tcp"), 77},
						  {zone, name("h1"), UINT64_MAX}};
	struct buf_writer out = buf_writer(made->octets, ROOM);
	size_t size = COMMAND_EXPIRE_HEAD;

	command_write_expire(&out, COUNT_OF(expiries));
	for (size_t i = 0; i < COUNT_OF(expiries); i++) {
		command_write_expiry(&out, &expiries[i]);
		size += command_expiry_size(&expiries[i]);
	}
	made->size = buf_written(&out);
	ck_assert_uint_eq(made->size, size);
}

static void make_some_retire(struct made *made)
{
	struct buf_writer out = buf_writer(made->octets, ROOM);

	command_write_retire(&out, zone);
	made->size = buf_written(&out);
}

static void make_some_operator(struct made *made)
{
	const struct command_operator word = {.action = OPERATOR_REMOVE,
					      .zone = zone,
					      .name = name("web._http._tcp"),
					      .reason = "too loud",
					      .reason_size = 8};
	struct buf_writer out = buf_writer(made->octets, ROOM);

	command_write_operator(&out, &word);
	made->size = buf_written(&out);
	ck_assert_uint_eq(made->size, command_operator_size(&word));
}

static void make_some_import(struct made *made)
{
	const struct command_import import = {.is_replace = true, .zone = zone, .serial = 7};
	struct buf_writer out = buf_writer(made->octets, ROOM);

	command_write_import(&out, &import);
	made->size = buf_written(&out);
	ck_assert_uint_eq(made->size, command_import_size(&import));
}

static void (*const makers[])(struct made *) = {
	[COMMAND_UPDATE] = make_some_update,     [COMMAND_BASE] = make_some_base,
	[COMMAND_EXPIRE] = make_some_expire,     [COMMAND_RETIRE] = make_some_retire,
	[COMMAND_OPERATOR] = make_some_operator, [COMMAND_IMPORT] = make_some_import,
};

/* Reads a command of this kind as apply does, walks included. */
static int read_all(enum command_kind kind, const uint8_t *octets, size_t size)
{
	struct command_update update;
	struct command_base base;
	struct command_prereq prereq;
	struct command_change change;
	struct command_expiry expiry;
	struct command_operator word;
	struct command_import import;
	struct buf_reader reader;
	struct zone_soa soa;
	const uint8_t *apex;
	uint16_t count;
	int ret = ERR_DAMAGED;

	switch (kind) {
	case COMMAND_UPDATE:
		ret = command_read_update(&update, octets, size);
		for (uint16_t i = 0; ret == OK && i < update.prereq_count; i++) {
			ret = command_read_prereq(&update.prereqs, &prereq);
		}
		for (uint16_t i = 0; ret == OK && i < update.update_count; i++) {
			ret = command_read_change(&update.updates, &change);
		}
		break;
	case COMMAND_BASE:
		ret = command_read_base(&base, &soa, octets, size);
		for (uint32_t i = 0; ret == OK && i < base.count; i++) {
			ret = command_read_change(&base.records, &change);
		}
		break;
	case COMMAND_EXPIRE:
		ret = command_read_expire(&reader, &count, octets, size);
		for (uint16_t i = 0; ret == OK && i < count; i++) {
			ret = command_read_expiry(&reader, &expiry);
		}
		break;
	case COMMAND_RETIRE:
		ret = command_read_retire(&apex, octets, size);
		break;
	case COMMAND_OPERATOR:
		ret = command_read_operator(&word, octets, size);
		break;
	case COMMAND_IMPORT:
		ret = command_read_import(&import, octets, size);
		/* Names are read when it is applied: test_export.c */
		ret = ret == OK && buf_left(&import.names) > 0 ? ERR_DAMAGED : ret;
		break;
	}
	return ret;
}

START_TEST(base_comes_back_as_written)
{
	const struct zone_soa want_soa = some_soa();
	const struct command_base want = some_base(&want_soa);
	static struct made made;
	struct command_change change;
	struct command_base got;
	struct zone_soa soa;

	make_some_base(&made);
	ck_assert_int_eq(command_kind(made.octets, made.size), COMMAND_BASE);
	ck_assert_int_eq(command_read_base(&got, &soa, made.octets, made.size), OK);
	ck_assert(dns_name_equal(got.zone, zone));
	ck_assert_uint_eq(got.shape.ttl_derived_s, want.shape.ttl_derived_s);
	ck_assert_uint_eq(got.shape.ttl_max_s, want.shape.ttl_max_s);
	ck_assert_uint_eq(got.shape.lease_min_s, want.shape.lease_min_s);
	ck_assert_uint_eq(got.shape.lease_max_s, want.shape.lease_max_s);
	ck_assert_uint_eq(got.shape.key_lease_max_s, want.shape.key_lease_max_s);
	ck_assert_uint_eq(got.shape.lease_default, want.shape.lease_default);
	ck_assert_uint_eq(got.shape.lease_default_s, want.shape.lease_default_s);
	ck_assert_uint_eq(got.shape.answer_max, want.shape.answer_max);
	ck_assert_uint_eq(got.shape.change_max, want.shape.change_max);
	ck_assert_mem_eq(got.shape.pool_label, want.shape.pool_label, DNS_LABEL_MAX + 1);
	ck_assert_mem_eq(got.ring_key, want.ring_key, SIPHASH_KEY_SIZE);
	ck_assert_ptr_eq(got.soa, &soa);
	ck_assert_uint_eq(soa.ttl, want_soa.ttl);
	ck_assert_uint_eq(soa.serial, want_soa.serial);
	ck_assert_uint_eq(soa.refresh, want_soa.refresh);
	ck_assert_uint_eq(soa.retry, want_soa.retry);
	ck_assert_uint_eq(soa.expire, want_soa.expire);
	ck_assert_uint_eq(soa.minimum, want_soa.minimum);
	ck_assert(dns_name_equal(soa.mname, want_soa.mname));
	ck_assert(dns_name_equal(soa.rname, want_soa.rname));
	ck_assert_uint_eq(got.count, 1);
	ck_assert_int_eq(command_read_change(&got.records, &change), OK);
	ck_assert(dns_name_equal(change.name, name("h1")));
}
END_TEST

START_TEST(expire_and_retire_come_back_as_written)
{
	static struct made made;
	struct command_expiry expiry;
	struct buf_reader reader;
	const uint8_t *apex;
	uint16_t count;

	make_some_expire(&made);
	ck_assert_int_eq(command_read_expire(&reader, &count, made.octets, made.size), OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(command_read_expiry(&reader, &expiry), OK);
	ck_assert(dns_name_equal(expiry.name, name("web._http._tcp")));
	ck_assert_uint_eq(expiry.version, 77);
	ck_assert_int_eq(command_read_expiry(&reader, &expiry), OK);
	ck_assert(dns_name_equal(expiry.zone, zone));
	ck_assert_uint_eq(expiry.version, UINT64_MAX);
	make_some_retire(&made);
	ck_assert_int_eq(command_read_retire(&apex, made.octets, made.size), OK);
	ck_assert(dns_name_equal(apex, zone));
}
END_TEST

START_TEST(an_operators_word_comes_back_as_written)
{
	static struct made made;
	struct command_operator word;

	make_some_operator(&made);
	ck_assert_int_eq(command_read_operator(&word, made.octets, made.size), OK);
	ck_assert_uint_eq(word.action, OPERATOR_REMOVE);
	ck_assert(dns_name_equal(word.zone, zone));
	ck_assert(dns_name_equal(word.name, name("web._http._tcp")));
	ck_assert_uint_eq(word.reason_size, 8);
	ck_assert_mem_eq(word.reason, "too loud", 8);
	made.octets[1] = OPERATOR_REMOVE + 1;
	ck_assert_int_eq(command_read_operator(&word, made.octets, made.size), ERR_DAMAGED);
}
END_TEST

START_TEST(a_command_cut_or_lengthened_anywhere_is_damaged)
{
	for (int kind = COMMAND_UPDATE; kind <= COMMAND_IMPORT; kind++) {
		static struct made made;

		makers[kind](&made);
		ck_assert_int_eq(read_all((enum command_kind)kind, made.octets, made.size), OK);
		for (size_t size = 0; size < made.size; size++) {
			uint8_t *cut = hex_exact(made.octets, size);

			ck_assert_int_eq(read_all((enum command_kind)kind, cut, size), ERR_DAMAGED);
			free(cut);
		}
		made.octets[made.size] = 0;
		ck_assert_int_eq(read_all((enum command_kind)kind, made.octets, made.size + 1),
				 ERR_DAMAGED);
	}
}
END_TEST

START_TEST(any_octet_changed_is_damaged_or_sound)
{
	for (int kind = COMMAND_UPDATE; kind <= COMMAND_IMPORT; kind++) {
		static struct made made;

		makers[kind](&made);
		for (size_t at = 0; at < made.size; at++) {
			for (unsigned value = 0; value < 256; value++) {
				uint8_t *copy = hex_exact(made.octets, made.size);
				int ret;

				copy[at] = (uint8_t)value;
				ret = read_all((enum command_kind)kind, copy, made.size);
				ck_assert(ret == OK || ret == ERR_DAMAGED);
				free(copy);
			}
		}
	}
}
END_TEST

START_TEST(a_command_of_another_kind_is_damaged)
{
	static const uint8_t none[] = {0};
	static const uint8_t unknown[] = {COMMAND_IMPORT + 1};

	for (int kind = COMMAND_UPDATE; kind <= COMMAND_IMPORT; kind++) {
		static struct made made;

		makers[kind](&made);
		ck_assert_int_eq(command_kind(made.octets, made.size), kind);
		for (int other = COMMAND_UPDATE; other <= COMMAND_IMPORT; other++) {
			ck_assert(other == kind || read_all((enum command_kind)other, made.octets,
							    made.size) == ERR_DAMAGED);
		}
	}
	ck_assert_int_eq(command_kind(none, 0), ERR_DAMAGED);
	ck_assert_int_eq(command_kind(none, 1), ERR_DAMAGED);
	ck_assert_int_eq(command_kind(unknown, 1), ERR_DAMAGED);
}
END_TEST

/* ---- what apply must never see ----------------------------------------------------------- */

START_TEST(unsound_records_are_damaged)
{
	static const uint8_t outside[] = "\1a\4test";
	static const uint8_t address[] = {192, 0, 2, 1};
	const struct command_change cases[] = {
		{4, zone, DNS_TYPE_A, 0, 4, address}, /* form */
		{DNS_UPDATE_ADD, outside, DNS_TYPE_A, 0, 4, address}, /* zone */
		{DNS_UPDATE_ADD, zone, DNS_TYPE_A, 0, 3, address}, /* RDATA */
		{DNS_UPDATE_ADD, zone, DNS_TYPE_SRV, 0, 4, address}, /* RDATA */
		{DNS_UPDATE_ADD, zone, DNS_TYPE_A, DNS_TTL_MAX + 1, 4, address}, /* TTL */
		{DNS_UPDATE_ADD, zone, 0, 0, 4, address}, /* type */
		{DNS_UPDATE_ADD, zone, DNS_TYPE_OPT, 0, 4, address},
		{DNS_UPDATE_DELETE_RR, zone, DNS_TYPE_ANY, 0, 4, address},
		{DNS_UPDATE_DELETE_RR, zone, DNS_TYPE_PTR, 0, 4, address},
		{DNS_UPDATE_DELETE_RRSET, zone, DNS_TYPE_A, 0, 4, address},
		{DNS_UPDATE_DELETE_RRSET, zone, DNS_TYPE_ANY, 0, 0, NULL},
		{DNS_UPDATE_DELETE_NAME, zone, DNS_TYPE_A, 0, 0, NULL},
		{DNS_UPDATE_DELETE_NAME, zone, DNS_TYPE_ANY, 0, 4, address},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct command_update update = {
			.zone = zone, .owner = {.kind = OWNER_NET}, .update_count = 1};
		static struct made made;
		struct buf_writer out = buf_writer(made.octets, ROOM);
		struct command_update got;

		command_write_update(&out, &update);
		command_write_change(&out, &cases[i]);
		ck_assert_msg(command_read_update(&got, made.octets, buf_written(&out)) ==
				      ERR_DAMAGED,
			      "case %zu", i);
	}
}
END_TEST

START_TEST(unsound_prerequisites_are_damaged)
{
	static const uint8_t outside[] = "\1a\4test";
	static const uint8_t address[] = {192, 0, 2, 1};
	const struct command_prereq cases[] = {
		{5, zone, DNS_TYPE_A, 0, NULL},
		{DNS_PREREQ_NAME_USED, outside, DNS_TYPE_ANY, 0, NULL},
		{DNS_PREREQ_NAME_USED, zone, DNS_TYPE_A, 0, NULL},
		{DNS_PREREQ_NAME_UNUSED, zone, DNS_TYPE_ANY, 4, address},
		{DNS_PREREQ_RRSET_EXISTS, zone, DNS_TYPE_ANY, 0, NULL},
		{DNS_PREREQ_RRSET_MISSING, zone, DNS_TYPE_A, 4, address},
		{DNS_PREREQ_RRSET_EQUALS, zone, DNS_TYPE_A, 3, address},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct command_update update = {
			.zone = zone, .owner = {.kind = OWNER_NET}, .prereq_count = 1};
		static struct made made;
		struct buf_writer out = buf_writer(made.octets, ROOM);
		struct command_update got;

		command_write_update(&out, &update);
		command_write_prereq(&out, &cases[i]);
		ck_assert_msg(command_read_update(&got, made.octets, buf_written(&out)) ==
				      ERR_DAMAGED,
			      "case %zu", i);
	}
}
END_TEST

START_TEST(unsound_owners_are_damaged)
{
	const struct owner cases[] = {
		{.kind = OWNER_NONE},
		{.kind = OWNER_BASE},
		{.kind = (enum owner_kind)9},
		{.kind = OWNER_KEY},
		{.kind = OWNER_KEY, .id = (const uint8_t *)"\3op", .id_size = 3},
		{.kind = OWNER_NET, .id = (const uint8_t *)"", .id_size = 1},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct command_update update = {.zone = zone, .owner = cases[i]};
		static struct made made;
		struct buf_writer out = buf_writer(made.octets, ROOM);
		struct command_update got;

		command_write_update(&out, &update);
		ck_assert_msg(command_read_update(&got, made.octets, buf_written(&out)) ==
				      ERR_DAMAGED,
			      "case %zu", i);
	}
}
END_TEST

/* ---- batches ----------------------------------------------------------------------------- */

static size_t make_batch(uint8_t *octets)
{
	struct buf_writer out = buf_writer(octets, ROOM);
	size_t size = COMMAND_BATCH_HEAD;

	command_write_batch(&out, COMMAND_IMPORT, 0x6a000000);
	for (int kind = COMMAND_UPDATE; kind <= COMMAND_IMPORT; kind++) {
		static struct made made;

		makers[kind](&made);
		command_write_next(&out, made.octets, made.size);
		size += COMMAND_NEXT_HEAD + made.size;
	}
	ck_assert_uint_eq(buf_written(&out), size);
	return size;
}

START_TEST(batches_come_back_as_written)
{
	static uint8_t octets[ROOM];
	const size_t size = make_batch(octets);
	struct command_batch batch;
	const uint8_t *command;
	size_t command_size;

	ck_assert_int_eq(command_read_batch(&batch, octets, size), OK);
	ck_assert_uint_eq(batch.time_s, 0x6a000000);
	ck_assert_uint_eq(batch.count, COMMAND_IMPORT);
	for (int kind = COMMAND_UPDATE; kind <= COMMAND_IMPORT; kind++) {
		ck_assert_int_eq(command_read_next(&batch.commands, &command, &command_size), OK);
		ck_assert_int_eq(command_kind(command, command_size), kind);
		ck_assert_int_eq(read_all((enum command_kind)kind, command, command_size), OK);
	}
	ck_assert_int_eq(command_read_next(&batch.commands, &command, &command_size), ERR_DAMAGED);
}
END_TEST

START_TEST(batches_that_do_not_add_up_are_damaged)
{
	static uint8_t octets[ROOM];
	const size_t size = make_batch(octets);
	struct command_batch batch;

	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *copy = hex_exact(octets, cut);

		ck_assert_int_eq(command_read_batch(&batch, copy, cut), ERR_DAMAGED);
		free(copy);
	}
	ck_assert_int_eq(command_read_batch(&batch, octets, size + 1), ERR_DAMAGED);
	octets[1] = COMMAND_FORMAT + 1;
	ck_assert_int_eq(command_read_batch(&batch, octets, size), ERR_FOREIGN);
}
END_TEST

/* ---- src/registry/FORMAT.md --------------------------------------------------------------- */

START_TEST(the_example_of_the_format_is_true)
{
	static const char example[] =
		"0001 00000001 000000006a000000 00000074"
		"01 02 0373766307 6578616d706c65 00 03 05 036f707300 000000006a000000"
		"0000003c 00000000 0001 0001"
		"02 03776562055f68747470045f746370 03737663076578616d706c6500 00ff 0000"
		"00 03776562055f68747470045f746370 03737663076578616d706c6500 0010 0000003c 0004"
		"03763d31";
	const struct command_update update = {
		.zone = zone,
		.owner = {.kind = OWNER_KEY, .id = (const uint8_t *)"\3ops", .id_size = 5},
		.signed_s = 0x6a000000,
		.lease = {.present = true, .lease_s = 60},
		.prereq_count = 1,
		.update_count = 1};
	const struct command_prereq prereq = {.form = DNS_PREREQ_NAME_UNUSED,
					      .name = name("web._http._tcp"),
					      .type = DNS_TYPE_ANY};
	const struct command_change change = {.form = DNS_UPDATE_ADD,
					      .name = name("web._http._tcp"),
					      .type = DNS_TYPE_TXT,
					      .ttl = 60,
					      .rdata_size = 4,
					      .rdata = (const uint8_t *)"\3v=1"};
	static uint8_t want[256];
	static struct made made;
	static uint8_t batch[256];
	const size_t want_size = hex_read(want, sizeof(want), example);
	struct buf_writer out = buf_writer(made.octets, ROOM);

	command_write_update(&out, &update);
	command_write_prereq(&out, &prereq);
	command_write_change(&out, &change);
	made.size = buf_written(&out);
	out = buf_writer(batch, sizeof(batch));
	command_write_batch(&out, 1, 0x6a000000);
	command_write_next(&out, made.octets, made.size);
	ck_assert_uint_eq(buf_written(&out), want_size);
	ck_assert_mem_eq(batch, want, want_size);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		updates_come_back_as_written,
		base_comes_back_as_written,
		expire_and_retire_come_back_as_written,
		an_operators_word_comes_back_as_written,
		a_command_cut_or_lengthened_anywhere_is_damaged,
		any_octet_changed_is_damaged_or_sound,
		a_command_of_another_kind_is_damaged,
		unsound_records_are_damaged,
		unsound_prerequisites_are_damaged,
		unsound_owners_are_damaged,
		batches_come_back_as_written,
		batches_that_do_not_add_up_are_damaged,
		the_example_of_the_format_is_true,
	};

	return run_tests("command", tests, COUNT_OF(tests));
}
