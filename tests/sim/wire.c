#include "tests/sim/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/update.h"
#include "zone/rdata.h"

#define COMMAND_MAX 65536

uint8_t wire_names[NAMES_MAX][DNS_NAME_MAX];
uint8_t wire_apex[DNS_NAME_MAX];

static struct wire_rdata {
	uint16_t size;
	uint8_t octets[300];
} rdatas[NAMES_MAX];

void wire_prepare(void)
{
	static struct rdata rdata;
	char why[RDATA_WHY_MAX];

	if (model_name_count > NAMES_MAX || model_rdata_count > NAMES_MAX ||
	    dns_name_from_text(wire_apex, APEX, NULL) < 0) {
		abort();
	}
	for (size_t i = 0; i < model_name_count; i++) {
		if (dns_name_from_text(wire_names[i], model_names[i].text, NULL) < 0) {
			abort();
		}
	}
	for (size_t i = 0; i < model_rdata_count; i++) {
		const struct model_rdata *row = &model_rdatas[i];

		if (rdata_from_text(&rdata, row->type, row->text, wire_apex, why) != OK ||
		    rdata.size > sizeof(rdatas[i].octets)) {
			abort();
		}
		rdatas[i].size = (uint16_t)rdata.size;
		memcpy(rdatas[i].octets, rdata.data, rdata.size);
	}
}

/* What a command is written with. */
struct draw {
	struct rand *rand;
	struct arena *arena;
};

/* Some letters in the other case, now and then: it must not matter. */
static void vary(struct rand *rand, uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const uint8_t folded = octets[i] | 0x20;

		if (folded >= 'a' && folded <= 'z' && rand_below(rand, 3) == 0) {
			octets[i] ^= 0x20;
		}
	}
}

static const uint8_t *name_of(struct draw *draw, int name, bool is_varied)
{
	uint8_t *copy = arena_dup(draw->arena, wire_names[name], dns_name_size(wire_names[name]));

	if (is_varied) {
		for (uint8_t *label = copy; label[0] != 0; label += label[0] + 1) {
			vary(draw->rand, label + 1, label[0]);
		}
	}
	return copy;
}

static const uint8_t *rdata_of(struct draw *draw, int rdata, bool is_varied)
{
	const uint16_t type = model_rdatas[rdata].type;
	uint8_t *copy = arena_dup(draw->arena, rdatas[rdata].octets, rdatas[rdata].size);
	const bool is_srv = type == DNS_TYPE_SRV;

	if (is_varied && (is_srv || type == DNS_TYPE_PTR || type == DNS_TYPE_CNAME)) {
		for (uint8_t *label = copy + (is_srv ? 6 : 0); label[0] != 0;
		     label += label[0] + 1) {
			vary(draw->rand, label + 1, label[0]);
		}
	}
	return copy;
}

static struct zone_soa soa_of(const struct model_soa *soa)
{
	struct zone_soa out = {.ttl = soa->ttl,
			       .serial = soa->serial,
			       .refresh = 3600,
			       .retry = 600,
			       .expire = 86400,
			       .minimum = soa->minimum};

	dns_name_from_text(out.mname, "ns." APEX, NULL);
	dns_name_from_text(out.rname, "admin." APEX, NULL);
	return out;
}

static const uint8_t *soa_rdata(struct draw *draw, const struct model_soa *soa, uint16_t *size)
{
	const struct zone_soa parts = soa_of(soa);
	uint8_t *octets = arena_alloc(draw->arena, 600);
	struct buf_writer out = buf_writer(octets, 600);

	buf_write(&out, parts.mname, dns_name_size(parts.mname));
	buf_write(&out, parts.rname, dns_name_size(parts.rname));
	buf_write_u32(&out, parts.serial);
	buf_write_u32(&out, parts.refresh);
	buf_write_u32(&out, parts.retry);
	buf_write_u32(&out, parts.expire);
	buf_write_u32(&out, parts.minimum);
	*size = (uint16_t)buf_written(&out);
	return octets;
}

struct owner wire_owner(enum model_owner owner)
{
	switch (owner) {
	case MODEL_KEY_A:
		return (struct owner){OWNER_KEY, 3, (const uint8_t *)"\1a"};
	case MODEL_KEY_B:
		return (struct owner){OWNER_KEY, 3, (const uint8_t *)"\1b"};
	case MODEL_OPERATOR:
		return (struct owner){.kind = OWNER_OPERATOR};
	case MODEL_BASE:
		return (struct owner){.kind = OWNER_BASE};
	case MODEL_NET:
		return (struct owner){.kind = OWNER_NET};
	case MODEL_NOBODY:
		break;
	}
	return (struct owner){.kind = OWNER_NONE};
}

static void write_change(struct draw *draw, struct buf_writer *out,
			 const struct model_change *change, bool is_varied)
{
	static const uint8_t forms[] = {[ADD] = DNS_UPDATE_ADD,
					[DELETE_SET] = DNS_UPDATE_DELETE_RRSET,
					[DELETE_NAME] = DNS_UPDATE_DELETE_NAME,
					[DELETE_RR] = DNS_UPDATE_DELETE_RR};
	struct command_change wire = {.form = forms[change->form],
				      .name = name_of(draw, change->name, is_varied),
				      .type = change->type,
				      .ttl = change->ttl};

	if (change->rdata != NONE) {
		wire.rdata = rdata_of(draw, change->rdata, is_varied);
		wire.rdata_size = rdatas[change->rdata].size;
	} else if (change->form == ADD) {
		wire.rdata = soa_rdata(draw, &change->soa, &wire.rdata_size);
	}
	command_write_change(out, &wire);
}

static void write_prereq(struct draw *draw, struct buf_writer *out,
			 const struct model_prereq *prereq, bool is_varied)
{
	static const uint8_t forms[] = {[IS_USED] = DNS_PREREQ_NAME_USED,
					[SET_EXISTS] = DNS_PREREQ_RRSET_EXISTS,
					[IS_UNUSED] = DNS_PREREQ_NAME_UNUSED,
					[SET_MISSING] = DNS_PREREQ_RRSET_MISSING,
					[SET_EQUALS] = DNS_PREREQ_RRSET_EQUALS};
	struct command_prereq wire = {.form = forms[prereq->form],
				      .name = name_of(draw, prereq->name, is_varied),
				      .type = prereq->type};

	if (prereq->rdata != NONE) {
		wire.rdata = rdata_of(draw, prereq->rdata, is_varied);
		wire.rdata_size = rdatas[prereq->rdata].size;
	}
	command_write_prereq(out, &wire);
}

static void write_update(struct draw *draw, struct buf_writer *out,
			 const struct model_update *update)
{
	const bool is_varied = rand_below(draw->rand, 10) == 0;
	const struct command_update head = {
		.zone = wire_apex,
		.owner = wire_owner(update->owner),
		.takeover = update->takeover,
		.hold = update->hold,
		.signed_s = update->signed_s,
		.lease = {.present = update->has_lease,
			  .has_key = update->has_key_lease,
			  .lease_s = update->lease_s,
			  .key_lease_s = update->key_lease_s},
		.prereq_count = (uint16_t)update->prereq_count,
		.update_count = (uint16_t)update->change_count,
	};

	command_write_update(out, &head);
	for (size_t i = 0; i < update->prereq_count; i++) {
		write_prereq(draw, out, &update->prereqs[i], is_varied);
	}
	for (size_t i = 0; i < update->change_count; i++) {
		write_change(draw, out, &update->changes[i], is_varied);
	}
}

static void write_base(struct draw *draw, struct buf_writer *out, const struct model_base *base)
{
	const bool is_varied = rand_below(draw->rand, 5) == 0;
	const struct model_shape *shape = &base->shape;
	const struct zone_soa soa = soa_of(&base->soa);
	struct command_base head = {
		.zone = wire_apex,
		.shape = {.ttl_derived_s = shape->ttl_derived_s,
			  .ttl_max_s = shape->ttl_max_s,
			  .lease_min_s = shape->lease_min_s,
			  .lease_max_s = shape->lease_max_s,
			  .key_lease_max_s = shape->key_lease_max_s,
			  .lease_default = ZONE_LEASE_PERMANENT,
			  .lease_default_s = shape->lease_default_s,
			  .answer_max = 1000,
			  .change_max = 200000},
		.ring_key = "waggle ring key",
		.soa = &soa,
		.count = (uint32_t)base->count,
	};

	if (shape->refuses_permanent || shape->lease_default_s > 0) {
		head.shape.lease_default =
			shape->refuses_permanent ? ZONE_LEASE_REFUSE : ZONE_LEASE_DURATION;
	}
	head.shape.pool_label[0] = (uint8_t)strlen(shape->pool_label);
	memcpy(head.shape.pool_label + 1, shape->pool_label, strlen(shape->pool_label));
	command_write_base(out, &head);
	for (size_t i = 0; i < base->count; i++) {
		const int rdata = base->records[i].rdata;
		const struct command_change change = {
			.form = DNS_UPDATE_ADD,
			.name = name_of(draw, base->records[i].name, is_varied),
			.type = model_rdatas[rdata].type,
			.ttl = base->records[i].ttl,
			.rdata_size = rdatas[rdata].size,
			.rdata = rdata_of(draw, rdata, is_varied),
		};
		command_write_change(out, &change);
	}
}

static void write_word(struct buf_writer *out, enum operator_action action, int name)
{
	const struct command_operator word = {
		.action = (uint8_t)action, .zone = wire_apex, .name = wire_names[name]};

	command_write_operator(out, &word);
}

static void write_expire(struct buf_writer *out, const struct model_expire *expire)
{
	command_write_expire(out, (uint16_t)expire->count);
	for (size_t i = 0; i < expire->count; i++) {
		const struct command_expiry expiry = {.zone = wire_apex,
						      .name = wire_names[expire->leases[i].name],
						      .version = expire->leases[i].version};
		command_write_expiry(out, &expiry);
	}
}

size_t wire_one(struct rand *rand, struct arena *arena, uint8_t *octets, size_t room,
		const struct model_command *command)
{
	struct draw draw = {.rand = rand, .arena = arena};
	struct buf_writer one = buf_writer(octets, room);

	switch (command->kind) {
	case MODEL_UPDATE:
		write_update(&draw, &one, &command->update);
		break;
	case MODEL_SET_BASE:
		write_base(&draw, &one, &command->base);
		break;
	case MODEL_EXPIRE:
		write_expire(&one, &command->expire);
		break;
	case MODEL_RETIRE:
		command_write_retire(&one, wire_apex);
		break;
	case MODEL_RELEASE:
		write_word(&one, OPERATOR_RELEASE, command->name);
		break;
	case MODEL_REMOVE:
		write_word(&one, OPERATOR_REMOVE, command->name);
		break;
	}
	assert(!one.failed);
	return buf_written(&one);
}

void wire_command(struct rand *rand, struct arena *arena, struct buf_writer *out,
		  const struct model_command *command)
{
	static uint8_t octets[COMMAND_MAX];
	const size_t size = wire_one(rand, arena, octets, sizeof(octets), command);

	command_write_next(out, octets, size);
}

/* ---- messages ---------------------------------------------------------------------------- */

static void put_rr(struct buf_writer *out, const uint8_t *name, uint16_t type, uint16_t class,
		   uint32_t ttl, const uint8_t *rdata, uint16_t size)
{
	buf_write(out, name, dns_name_size(name));
	buf_write_u16(out, type);
	buf_write_u16(out, class);
	buf_write_u32(out, ttl);
	buf_write_u16(out, size);
	buf_write(out, rdata, size);
}

/* RFC 2136 2.4 */
static void put_prereq(struct draw *draw, struct buf_writer *out, const struct model_prereq *prereq,
		       bool is_varied)
{
	static const uint16_t classes[] = {[IS_USED] = DNS_CLASS_ANY,
					   [SET_EXISTS] = DNS_CLASS_ANY,
					   [IS_UNUSED] = DNS_CLASS_NONE,
					   [SET_MISSING] = DNS_CLASS_NONE,
					   [SET_EQUALS] = DNS_CLASS_IN};
	const bool has_rdata = prereq->rdata != NONE;

	put_rr(out, name_of(draw, prereq->name, is_varied), prereq->type, classes[prereq->form], 0,
	       has_rdata ? rdata_of(draw, prereq->rdata, is_varied) : NULL,
	       has_rdata ? rdatas[prereq->rdata].size : 0);
}

/* RFC 2136 2.5 */
static void put_change(struct draw *draw, struct buf_writer *out, const struct model_change *change,
		       bool is_varied)
{
	static const uint16_t classes[] = {[ADD] = DNS_CLASS_IN,
					   [DELETE_SET] = DNS_CLASS_ANY,
					   [DELETE_NAME] = DNS_CLASS_ANY,
					   [DELETE_RR] = DNS_CLASS_NONE};
	const uint8_t *rdata = NULL;
	uint16_t size = 0;

	if (change->rdata != NONE) {
		rdata = rdata_of(draw, change->rdata, is_varied);
		size = rdatas[change->rdata].size;
	} else if (change->form == ADD) {
		rdata = soa_rdata(draw, &change->soa, &size);
	}
	put_rr(out, name_of(draw, change->name, is_varied), change->type, classes[change->form],
	       change->ttl, rdata, size);
}

/* RFC 9664 */
static void put_lease(struct buf_writer *out, const struct model_update *update)
{
	static const uint8_t root[] = {0};
	uint8_t octets[12];
	struct buf_writer option = buf_writer(octets, sizeof(octets));

	buf_write_u16(&option, DNS_OPTION_UPDATE_LEASE);
	buf_write_u16(&option, update->has_key_lease ? 8 : 4);
	buf_write_u32(&option, update->lease_s);
	if (update->has_key_lease) {
		buf_write_u32(&option, update->key_lease_s);
	}
	put_rr(out, root, DNS_TYPE_OPT, 1232, 0, octets, (uint16_t)buf_written(&option));
}

size_t wire_message(struct rand *rand, struct arena *arena, uint8_t *octets, size_t room,
		    const struct model_update *update)
{
	struct draw draw = {.rand = rand, .arena = arena};
	struct buf_writer out = buf_writer(octets, room);
	const bool is_varied = rand_below(rand, 10) == 0;

	buf_write_u16(&out, (uint16_t)rand_below(rand, 65536));
	buf_write_u16(&out, DNS_OPCODE_UPDATE << 11);
	buf_write_u16(&out, 1);
	buf_write_u16(&out, (uint16_t)update->prereq_count);
	buf_write_u16(&out, (uint16_t)update->change_count);
	buf_write_u16(&out, update->has_lease ? 1 : 0);
	buf_write(&out, wire_apex, dns_name_size(wire_apex));
	buf_write_u16(&out, DNS_TYPE_SOA);
	buf_write_u16(&out, DNS_CLASS_IN);
	for (size_t i = 0; i < update->prereq_count; i++) {
		put_prereq(&draw, &out, &update->prereqs[i], is_varied);
	}
	for (size_t i = 0; i < update->change_count; i++) {
		put_change(&draw, &out, &update->changes[i], is_varied);
	}
	if (update->has_lease) {
		put_lease(&out, update);
	}
	assert(!out.failed);
	return buf_written(&out);
}
