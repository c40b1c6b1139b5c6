/*
 * The codec of commands. src/registry/FORMAT.md has the octets.
 *
 * A command is checked as a whole by the function that reads its head (see whole_update() and its
 * like), so that what apply walks afterwards is sound: forms, names, RDATA, names in their zone,
 * nothing left over. Octets come from our own log or a peer of the centre; what fails here was
 * damaged or never ours, and is ERR_DAMAGED, never a crash.
 */
#include "registry/command.h"

#include <stdio.h>

#include "base/err.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/types.h"
#include "dns/update.h"

enum update_flag {
	FLAG_TAKEOVER = 1,
	FLAG_LEASE = 2, /* the request had an Update Lease option */
	FLAG_KEY_LEASE = 4, /* of the form with a key lease */
	FLAG_HOLD = 8,
	FLAGS_ALL = 15,
};

#define UPDATE_FIXED 24 /* kind, flags, owner's two, signed, leases, counts */
#define PREREQ_FIXED 5 /* form, type, size */
#define CHANGE_FIXED 9 /* and the TTL */
#define SHAPE_FIXED 33 /* nine numbers, of which one is an octet */
#define SOA_FIXED 24 /* TTL, serial, four timers */
#define COUNT_SIZE 4
#define OPERATOR_FIXED 3 /* kind, action, size of the reason */

/* ---- parts ------------------------------------------------------------------------------- */

static void write_name(struct buf_writer *out, const uint8_t *name)
{
	buf_write(out, name, dns_name_size(name));
}

/* A name in place, or NULL (and failed). */
static const uint8_t *read_name(struct buf_reader *reader)
{
	uint8_t name[DNS_NAME_MAX];
	const uint8_t *at = reader->at;

	return dns_name_read_plain(reader, name) < 0 ? NULL : at;
}

/* A name in place, copied out. */
static void copy_name(struct buf_reader *reader, uint8_t out[DNS_NAME_MAX])
{
	if (dns_name_read_plain(reader, out) < 0) {
		out[0] = 0;
	}
}

static int verdict(const struct buf_reader *reader)
{
	return reader->failed ? ERR_DAMAGED : OK;
}

/* The reader of a command behind its kind; failed when it is another. */
static struct buf_reader open_command(const uint8_t *command, size_t size, enum command_kind kind)
{
	struct buf_reader reader = buf_reader(command, size);

	if (buf_read_u8(&reader) != kind) {
		reader.failed = true;
	}
	return reader;
}

/* ---- batches ----------------------------------------------------------------------------- */

void command_write_batch(struct buf_writer *out, uint32_t count, uint64_t time_s)
{
	buf_write_u16(out, COMMAND_FORMAT);
	buf_write_u32(out, count);
	buf_write_u64(out, time_s);
}

void command_write_next(struct buf_writer *out, const uint8_t *command, size_t size)
{
	buf_write_u32(out, (uint32_t)size);
	buf_write(out, command, size);
}

int command_read_batch(struct command_batch *batch, const uint8_t *entry, size_t size)
{
	struct buf_reader reader = buf_reader(entry, size);
	const uint16_t format = buf_read_u16(&reader);

	if (!reader.failed && format != COMMAND_FORMAT) {
		return ERR_FOREIGN;
	}
	batch->count = buf_read_u32(&reader);
	batch->time_s = buf_read_u64(&reader);
	batch->commands = reader;
	for (uint32_t left = batch->count; left > 0 && !reader.failed; left--) {
		buf_read(&reader, buf_read_u32(&reader));
	}
	return !reader.failed && buf_left(&reader) == 0 ? OK : ERR_DAMAGED;
}

int command_read_next(struct buf_reader *reader, const uint8_t **command, size_t *size)
{
	*size = buf_read_u32(reader);
	*command = buf_read(reader, *size);
	return verdict(reader);
}

int command_kind(const uint8_t *command, size_t size)
{
	if (size == 0 || command[0] < COMMAND_UPDATE || command[0] > COMMAND_IMPORT) {
		return ERR_DAMAGED;
	}
	return command[0];
}

/* ---- UPDATE ------------------------------------------------------------------------------ */

size_t command_update_size(const struct command_update *update)
{
	return UPDATE_FIXED + dns_name_size(update->zone) + update->owner.id_size;
}

size_t command_prereq_size(const struct command_prereq *prereq)
{
	return PREREQ_FIXED + dns_name_size(prereq->name) + prereq->rdata_size;
}

size_t command_change_size(const struct command_change *change)
{
	return CHANGE_FIXED + dns_name_size(change->name) + change->rdata_size;
}

static uint8_t update_flags(const struct command_update *update)
{
	return (uint8_t)((update->takeover ? FLAG_TAKEOVER : 0) | (update->hold ? FLAG_HOLD : 0) |
			 (update->lease.present ? FLAG_LEASE : 0) |
			 (update->lease.has_key ? FLAG_KEY_LEASE : 0));
}

void command_write_update(struct buf_writer *out, const struct command_update *update)
{
	buf_write_u8(out, COMMAND_UPDATE);
	buf_write_u8(out, update_flags(update));
	write_name(out, update->zone);
	buf_write_u8(out, (uint8_t)update->owner.kind);
	buf_write_u8(out, update->owner.id_size);
	buf_write(out, update->owner.id, update->owner.id_size);
	buf_write_u64(out, update->signed_s);
	buf_write_u32(out, update->lease.lease_s);
	buf_write_u32(out, update->lease.key_lease_s);
	buf_write_u16(out, update->prereq_count);
	buf_write_u16(out, update->update_count);
}

static void write_rdata(struct buf_writer *out, const uint8_t *rdata, uint16_t size)
{
	buf_write_u16(out, size);
	buf_write(out, rdata, size);
}

void command_write_prereq(struct buf_writer *out, const struct command_prereq *prereq)
{
	buf_write_u8(out, prereq->form);
	write_name(out, prereq->name);
	buf_write_u16(out, prereq->type);
	write_rdata(out, prereq->rdata, prereq->rdata_size);
}

void command_write_change(struct buf_writer *out, const struct command_change *change)
{
	buf_write_u8(out, change->form);
	write_name(out, change->name);
	buf_write_u16(out, change->type);
	buf_write_u32(out, change->ttl);
	write_rdata(out, change->rdata, change->rdata_size);
}

int command_read_prereq(struct buf_reader *reader, struct command_prereq *prereq)
{
	prereq->form = buf_read_u8(reader);
	prereq->name = read_name(reader);
	prereq->type = buf_read_u16(reader);
	prereq->rdata_size = buf_read_u16(reader);
	prereq->rdata = buf_read(reader, prereq->rdata_size);
	return verdict(reader);
}

int command_read_change(struct buf_reader *reader, struct command_change *change)
{
	change->form = buf_read_u8(reader);
	change->name = read_name(reader);
	change->type = buf_read_u16(reader);
	change->ttl = buf_read_u32(reader);
	change->rdata_size = buf_read_u16(reader);
	change->rdata = buf_read(reader, change->rdata_size);
	return verdict(reader);
}

/* A record's type and RDATA, where the form has them. */
static bool is_sound_rdata(uint16_t type, const uint8_t *rdata, uint16_t size)
{
	return !dns_rrtype_is_meta(type) && dns_rdata_check(type, rdata, size) == OK;
}

static bool is_sound_prereq(const struct command_prereq *prereq)
{
	switch (prereq->form) {
	case DNS_PREREQ_NAME_USED:
	case DNS_PREREQ_NAME_UNUSED:
		return prereq->type == DNS_TYPE_ANY && prereq->rdata_size == 0;
	case DNS_PREREQ_RRSET_EXISTS:
	case DNS_PREREQ_RRSET_MISSING:
		return prereq->type != DNS_TYPE_ANY && prereq->rdata_size == 0;
	case DNS_PREREQ_RRSET_EQUALS:
		return dns_rdata_check(prereq->type, prereq->rdata, prereq->rdata_size) == OK;
	default:
		return false;
	}
}

static bool is_sound_change(const struct command_change *change)
{
	switch (change->form) {
	case DNS_UPDATE_ADD:
		return change->ttl <= DNS_TTL_MAX &&
		       is_sound_rdata(change->type, change->rdata, change->rdata_size);
	case DNS_UPDATE_DELETE_RR:
		return is_sound_rdata(change->type, change->rdata, change->rdata_size);
	case DNS_UPDATE_DELETE_RRSET:
		return !dns_rrtype_is_meta(change->type) && change->rdata_size == 0;
	case DNS_UPDATE_DELETE_NAME:
		return change->type == DNS_TYPE_ANY && change->rdata_size == 0;
	default:
		return false;
	}
}

static bool read_prereqs(struct buf_reader *reader, uint32_t count, const uint8_t *zone,
			 struct command_prereq *out)
{
	for (uint32_t i = 0; i < count; i++) {
		struct command_prereq one;
		struct command_prereq *prereq = out == NULL ? &one : &out[i];

		if (command_read_prereq(reader, prereq) != OK || !is_sound_prereq(prereq) ||
		    !dns_name_is_in(prereq->name, zone)) {
			return false;
		}
	}
	return true;
}

static bool read_changes(struct buf_reader *reader, uint32_t count, const uint8_t *zone,
			 struct command_change *out)
{
	for (uint32_t i = 0; i < count; i++) {
		struct command_change one;
		struct command_change *change = out == NULL ? &one : &out[i];

		if (command_read_change(reader, change) != OK || !is_sound_change(change) ||
		    !dns_name_is_in(change->name, zone)) {
			return false;
		}
	}
	return true;
}

/* An owner's id: a key has its folded name, the others have none. */
static bool is_sound_owner(const struct owner *owner)
{
	switch (owner->kind) {
	case OWNER_KEY:
		return dns_name_check(owner->id, owner->id_size) == OK;
	case OWNER_NET:
	case OWNER_OPERATOR:
		return owner->id_size == 0;
	case OWNER_NONE:
	case OWNER_BASE:
		break;
	}
	return false;
}

static void read_update_head(struct buf_reader *reader, struct command_update *update)
{
	const uint8_t flags = buf_read_u8(reader);

	update->takeover = (flags & FLAG_TAKEOVER) != 0;
	update->hold = (flags & FLAG_HOLD) != 0;
	update->lease.present = (flags & FLAG_LEASE) != 0;
	update->lease.has_key = (flags & FLAG_KEY_LEASE) != 0;
	update->zone = read_name(reader);
	update->owner.kind = (enum owner_kind)buf_read_u8(reader);
	update->owner.id_size = buf_read_u8(reader);
	update->owner.id = buf_read(reader, update->owner.id_size);
	update->signed_s = buf_read_u64(reader);
	update->lease.lease_s = buf_read_u32(reader);
	update->lease.key_lease_s = buf_read_u32(reader);
	update->prereq_count = buf_read_u16(reader);
	update->update_count = buf_read_u16(reader);
	if ((flags & ~FLAGS_ALL) != 0) {
		reader->failed = true;
	}
}

int command_read_update_head(struct command_update *update, const uint8_t *command, size_t size)
{
	struct buf_reader reader = open_command(command, size, COMMAND_UPDATE);

	read_update_head(&reader, update);
	update->prereqs = reader;
	return reader.failed || !is_sound_owner(&update->owner) ? ERR_DAMAGED : OK;
}

int command_read_update_records(struct command_update *update, struct command_prereq *prereqs,
				struct command_change *changes)
{
	struct buf_reader reader = update->prereqs;

	if (!read_prereqs(&reader, update->prereq_count, update->zone, prereqs)) {
		return ERR_DAMAGED;
	}
	update->updates = reader;
	if (!read_changes(&reader, update->update_count, update->zone, changes)) {
		return ERR_DAMAGED;
	}
	return buf_left(&reader) == 0 ? OK : ERR_DAMAGED;
}

void command_refuse(struct command_result *result, uint16_t rcode, uint16_t ede, const char *format,
		    va_list arguments)
{
	result->rcode = rcode;
	result->has_ede = true;
	result->ede = ede;
	vsnprintf(result->ede_text, sizeof(result->ede_text), format, arguments);
}

int command_read_update(struct command_update *update, const uint8_t *command, size_t size)
{
	const int ret = command_read_update_head(update, command, size);

	return ret != OK ? ret : command_read_update_records(update, NULL, NULL);
}

/* ---- base -------------------------------------------------------------------------------- */

static void write_shape(struct buf_writer *out, const struct zone_shape *shape)
{
	buf_write_u32(out, shape->ttl_derived_s);
	buf_write_u32(out, shape->ttl_max_s);
	buf_write_u32(out, shape->lease_min_s);
	buf_write_u32(out, shape->lease_max_s);
	buf_write_u32(out, shape->key_lease_max_s);
	buf_write_u8(out, shape->lease_default);
	buf_write_u32(out, shape->lease_default_s);
	buf_write_u32(out, shape->answer_max);
	buf_write_u32(out, shape->change_max);
	buf_write(out, shape->pool_label, shape->pool_label[0] + 1u);
}

static void read_shape(struct buf_reader *reader, struct zone_shape *shape)
{
	const uint8_t *label;

	*shape = (struct zone_shape){0};
	shape->ttl_derived_s = buf_read_u32(reader);
	shape->ttl_max_s = buf_read_u32(reader);
	shape->lease_min_s = buf_read_u32(reader);
	shape->lease_max_s = buf_read_u32(reader);
	shape->key_lease_max_s = buf_read_u32(reader);
	shape->lease_default = buf_read_u8(reader);
	shape->lease_default_s = buf_read_u32(reader);
	shape->answer_max = buf_read_u32(reader);
	shape->change_max = buf_read_u32(reader);
	shape->pool_label[0] = buf_read_u8(reader);
	if (shape->pool_label[0] > DNS_LABEL_MAX || shape->lease_default > ZONE_LEASE_REFUSE) {
		shape->pool_label[0] = 0;
		reader->failed = true;
		return;
	}
	label = buf_read(reader, shape->pool_label[0]);
	if (label != NULL) {
		memcpy(shape->pool_label + 1, label, shape->pool_label[0]);
	}
}

static void write_soa(struct buf_writer *out, const struct zone_soa *soa)
{
	buf_write_u32(out, soa->ttl);
	write_name(out, soa->mname);
	write_name(out, soa->rname);
	buf_write_u32(out, soa->serial);
	buf_write_u32(out, soa->refresh);
	buf_write_u32(out, soa->retry);
	buf_write_u32(out, soa->expire);
	buf_write_u32(out, soa->minimum);
}

static void read_soa(struct buf_reader *reader, struct zone_soa *soa)
{
	soa->ttl = buf_read_u32(reader);
	copy_name(reader, soa->mname);
	copy_name(reader, soa->rname);
	soa->serial = buf_read_u32(reader);
	soa->refresh = buf_read_u32(reader);
	soa->retry = buf_read_u32(reader);
	soa->expire = buf_read_u32(reader);
	soa->minimum = buf_read_u32(reader);
}

size_t command_base_size(const struct command_base *base)
{
	return 1 + dns_name_size(base->zone) + SHAPE_FIXED + base->shape.pool_label[0] + 1u +
	       SIPHASH_KEY_SIZE + SOA_FIXED + dns_name_size(base->soa->mname) +
	       dns_name_size(base->soa->rname) + COUNT_SIZE;
}

void command_write_base(struct buf_writer *out, const struct command_base *base)
{
	buf_write_u8(out, COMMAND_BASE);
	write_name(out, base->zone);
	write_shape(out, &base->shape);
	buf_write(out, base->ring_key, SIPHASH_KEY_SIZE);
	write_soa(out, base->soa);
	buf_write_u32(out, base->count);
}

static bool are_all_adds(struct buf_reader reader, uint32_t count)
{
	for (; count > 0; count--) {
		struct command_change change;

		if (command_read_change(&reader, &change) != OK || change.form != DNS_UPDATE_ADD) {
			return false;
		}
	}
	return true;
}

int command_read_base(struct command_base *base, struct zone_soa *soa, const uint8_t *command,
		      size_t size)
{
	struct buf_reader reader = open_command(command, size, COMMAND_BASE);
	const uint8_t *key;

	base->zone = read_name(&reader);
	read_shape(&reader, &base->shape);
	key = buf_read(&reader, SIPHASH_KEY_SIZE);
	read_soa(&reader, soa);
	base->soa = soa;
	base->count = buf_read_u32(&reader);
	if (reader.failed) {
		return ERR_DAMAGED;
	}
	memcpy(base->ring_key, key, SIPHASH_KEY_SIZE);
	base->records = reader;
	if (!are_all_adds(reader, base->count) ||
	    !read_changes(&reader, base->count, base->zone, NULL)) {
		return ERR_DAMAGED;
	}
	return buf_left(&reader) == 0 ? OK : ERR_DAMAGED;
}

/* ---- expire, retire ---------------------------------------------------------------------- */

size_t command_expiry_size(const struct command_expiry *expiry)
{
	return dns_name_size(expiry->zone) + dns_name_size(expiry->name) + sizeof(expiry->version);
}

void command_write_expire(struct buf_writer *out, uint16_t count)
{
	buf_write_u8(out, COMMAND_EXPIRE);
	buf_write_u16(out, count);
}

void command_write_expiry(struct buf_writer *out, const struct command_expiry *expiry)
{
	write_name(out, expiry->zone);
	write_name(out, expiry->name);
	buf_write_u64(out, expiry->version);
}

int command_read_expiry(struct buf_reader *reader, struct command_expiry *expiry)
{
	expiry->zone = read_name(reader);
	expiry->name = read_name(reader);
	expiry->version = buf_read_u64(reader);
	return verdict(reader);
}

int command_read_expire(struct buf_reader *reader, uint16_t *count, const uint8_t *command,
			size_t size)
{
	struct buf_reader rest = open_command(command, size, COMMAND_EXPIRE);

	*count = buf_read_u16(&rest);
	*reader = rest;
	for (uint16_t left = *count; left > 0; left--) {
		struct command_expiry expiry;

		if (command_read_expiry(&rest, &expiry) != OK ||
		    !dns_name_is_in(expiry.name, expiry.zone)) {
			return ERR_DAMAGED;
		}
	}
	return !rest.failed && buf_left(&rest) == 0 ? OK : ERR_DAMAGED;
}

void command_write_retire(struct buf_writer *out, const uint8_t *zone)
{
	buf_write_u8(out, COMMAND_RETIRE);
	write_name(out, zone);
}

int command_read_retire(const uint8_t **zone, const uint8_t *command, size_t size)
{
	struct buf_reader reader = open_command(command, size, COMMAND_RETIRE);

	*zone = read_name(&reader);
	return !reader.failed && buf_left(&reader) == 0 ? OK : ERR_DAMAGED;
}

/* ---- operator ---------------------------------------------------------------------------- */

size_t command_operator_size(const struct command_operator *word)
{
	return OPERATOR_FIXED + dns_name_size(word->zone) + dns_name_size(word->name) +
	       word->reason_size;
}

void command_write_operator(struct buf_writer *out, const struct command_operator *word)
{
	buf_write_u8(out, COMMAND_OPERATOR);
	buf_write_u8(out, word->action);
	write_name(out, word->zone);
	write_name(out, word->name);
	buf_write_u8(out, word->reason_size);
	buf_write(out, word->reason, word->reason_size);
}

int command_read_operator(struct command_operator *word, const uint8_t *command, size_t size)
{
	struct buf_reader reader = open_command(command, size, COMMAND_OPERATOR);

	word->action = buf_read_u8(&reader);
	word->zone = read_name(&reader);
	word->name = read_name(&reader);
	word->reason_size = buf_read_u8(&reader);
	word->reason = (const char *)buf_read(&reader, word->reason_size);
	if (reader.failed || buf_left(&reader) != 0 || !dns_name_is_in(word->name, word->zone) ||
	    (word->action != OPERATOR_RELEASE && word->action != OPERATOR_REMOVE)) {
		return ERR_DAMAGED;
	}
	return OK;
}

/* ---- import ------------------------------------------------------------------------------ */

size_t command_import_size(const struct command_import *import)
{
	return 1 + 1 + dns_name_size(import->zone) + 4 + SIPHASH_KEY_SIZE + 4 + 4;
}

void command_write_import(struct buf_writer *out, const struct command_import *import)
{
	buf_write_u8(out, COMMAND_IMPORT);
	buf_write_u8(out, import->is_replace);
	write_name(out, import->zone);
	buf_write_u32(out, import->serial);
	buf_write(out, import->ring_key, SIPHASH_KEY_SIZE);
	buf_write_u32(out, import->count);
	buf_write_u32(out, import->mark_count);
}

int command_read_import(struct command_import *import, const uint8_t *command, size_t size)
{
	struct buf_reader reader = open_command(command, size, COMMAND_IMPORT);
	const uint8_t flags = buf_read_u8(&reader);
	const uint8_t *key;

	import->is_replace = flags == 1;
	import->zone = read_name(&reader);
	import->serial = buf_read_u32(&reader);
	key = buf_read(&reader, SIPHASH_KEY_SIZE);
	import->count = buf_read_u32(&reader);
	import->mark_count = buf_read_u32(&reader);
	import->names = reader;
	if (reader.failed || flags > 1) {
		return ERR_DAMAGED;
	}
	memcpy(import->ring_key, key, SIPHASH_KEY_SIZE);
	return OK;
}
