#include "tests/sim/draw.h"

#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "dns/types.h"

#define EXPIRIES_DRAWN 4
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static uint32_t pick(struct rand *rand, size_t count)
{
	return rand_below(rand, (uint32_t)count);
}

/* True in `percent` of 100. */
static bool is_chance(struct rand *rand, uint32_t percent)
{
	return rand_below(rand, 100) < percent;
}

static uint32_t one_of(struct rand *rand, const uint32_t *values, size_t count)
{
	return values[pick(rand, count)];
}

static int draw_name(struct rand *rand)
{
	return (int)pick(rand, model_name_count);
}

static int draw_name_at(struct rand *rand, enum model_place place)
{
	for (;;) {
		const int name = draw_name(rand);

		if (model_names[name].place == place) {
			return name;
		}
	}
}

static int draw_rdata(struct rand *rand, uint16_t type)
{
	for (;;) {
		const int rdata = (int)pick(rand, model_rdata_count);

		if (type == DNS_TYPE_ANY || model_rdatas[rdata].type == type) {
			return rdata;
		}
	}
}

static int rdata_of(uint16_t type, const char *text)
{
	for (size_t i = 0; i < model_rdata_count; i++) {
		if (model_rdatas[i].type == type && strcmp(model_rdatas[i].text, text) == 0) {
			return (int)i;
		}
	}
	abort();
}

static uint32_t draw_ttl(struct rand *rand)
{
	static const uint32_t values[] = {0, 10, 30, 120, 3600, 1000000};

	return one_of(rand, values, COUNT_OF(values));
}

/* ---- changes ----------------------------------------------------------------------------- */

static void add_change(struct model_update *update, enum model_form form, int name, int rdata,
		       uint32_t ttl)
{
	if (update->change_count < CHANGES_MAX) {
		update->changes[update->change_count++] = (struct model_change){
			.form = form,
			.name = name,
			.type = rdata == NONE ? DNS_TYPE_ANY : model_rdatas[rdata].type,
			.rdata = rdata,
			.ttl = form == ADD ? ttl : 0};
	}
}

/* What a name of this place usually has. */
static uint16_t usual_type(struct rand *rand, enum model_place place)
{
	static const uint16_t instance[] = {DNS_TYPE_SRV, DNS_TYPE_SRV, DNS_TYPE_TXT, DNS_TYPE_A};
	static const uint16_t plain[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_CNAME, DNS_TYPE_TXT};

	switch (place) {
	case PLACE_INSTANCE:
		return instance[pick(rand, COUNT_OF(instance))];
	case PLACE_TYPE:
		return is_chance(rand, 60) ? DNS_TYPE_PTR : DNS_TYPE_SRV;
	case PLACE_SUBTYPE:
	case PLACE_SERVICES:
		return DNS_TYPE_PTR;
	case PLACE_APEX:
		return is_chance(rand, 50) ? DNS_TYPE_NS : DNS_TYPE_TXT;
	case PLACE_PLAIN:
	case PLACE_POOL:
		break;
	}
	return plain[pick(rand, COUNT_OF(plain))];
}

static void draw_soa(struct rand *rand, const struct model *model, struct model_update *update)
{
	static const uint32_t steps[] = {0, 1, 1, 100, UINT32_MAX - 4, 0x7fffffff};
	const size_t at = update->change_count;

	add_change(update, ADD, model_name_of(is_chance(rand, 80) ? APEX : "h1." APEX), NONE, 0);
	if (at == update->change_count) {
		return;
	}
	struct model_change *change = &update->changes[at];
	change->type = DNS_TYPE_SOA;
	change->ttl = 5 + pick(rand, 2);
	change->soa.ttl = change->ttl;
	change->soa.serial = model->serial + one_of(rand, steps, COUNT_OF(steps));
	change->soa.minimum = 5 + pick(rand, 2);
}

/* A record that queries see, most often of a type: to say what follows from instances too. */
static void draw_seen(struct rand *rand, const struct model *model, int *name, int *rdata)
{
	static struct model_view view;

	model_look(model, &view);
	for (int tries = 0; tries < 20; tries++) {
		const struct model_rr *rr = &view.rrs[pick(rand, view.count)];
		const int row = model_name_of(rr->name);

		if (rr->type != DNS_TYPE_SOA &&
		    (model_names[row].place == PLACE_TYPE || is_chance(rand, 10))) {
			*name = row;
			*rdata = rdata_of(rr->type, rr->rdata);
			return;
		}
	}
}

static void draw_noise(struct rand *rand, const struct model *model, struct model_update *update)
{
	static const enum model_form forms[] = {
		ADD, ADD, ADD, ADD, ADD, DELETE_RR, DELETE_RR, DELETE_SET, DELETE_SET, DELETE_NAME};
	const enum model_form form = forms[pick(rand, COUNT_OF(forms))];
	const size_t at = update->change_count;
	int name = draw_name(rand);
	const uint16_t type =
		is_chance(rand, 70) ? usual_type(rand, model_place(model, name)) : DNS_TYPE_ANY;
	int rdata = draw_rdata(rand, type);

	if (is_chance(rand, 4)) {
		draw_soa(rand, model, update);
		return;
	}
	if (is_chance(rand, 35)) {
		draw_seen(rand, model, &name, &rdata);
	}
	add_change(update, form, name, form == DELETE_NAME ? NONE : rdata, draw_ttl(rand));
	if (form == DELETE_SET && at < update->change_count) {
		update->changes[at].rdata = NONE;
		if (is_chance(rand, 5)) {
			update->changes[at].type = DNS_TYPE_SOA;
		}
	}
}

/* One instance as a provider registers it: its PTRs, perhaps all anew (SRP), SRV, TXT, host. */
static void draw_registration(struct rand *rand, struct model_update *update)
{
	const int instance = draw_name_at(rand, PLACE_INSTANCE);
	const int ptr = rdata_of(DNS_TYPE_PTR, model_names[instance].text);
	const int type = model_name_of(model_names[instance].type);
	const int srv = draw_rdata(rand, DNS_TYPE_SRV);
	const int host = model_name_of(strrchr(model_rdatas[srv].text, ' ') + 1);
	const bool is_whole = is_chance(rand, 40);
	const uint32_t ttl = draw_ttl(rand);

	for (int i = 0; i < (int)model_name_count; i++) {
		if (model_names[i].place == PLACE_SUBTYPE && is_chance(rand, 30) &&
		    strcmp(model_names[i].type, model_names[instance].type) == 0) {
			add_change(update, ADD, i, ptr, ttl);
		}
	}
	if (is_chance(rand, 85)) {
		add_change(update, ADD, type, ptr, ttl);
	}
	if (is_whole) {
		add_change(update, DELETE_NAME, instance, NONE, 0);
	}
	if (is_chance(rand, 90)) {
		add_change(update, ADD, instance, srv, ttl);
	}
	if (is_chance(rand, 60)) {
		add_change(update, ADD, instance, draw_rdata(rand, DNS_TYPE_TXT), ttl);
	}
	if (host != NONE && is_chance(rand, 60)) {
		if (is_whole) {
			add_change(update, DELETE_NAME, host, NONE, 0);
		}
		add_change(update, ADD, host, draw_rdata(rand, DNS_TYPE_A), ttl);
		if (is_chance(rand, 30)) {
			add_change(update, ADD, host, draw_rdata(rand, DNS_TYPE_AAAA), ttl);
		}
	}
}

static void draw_withdrawal(struct rand *rand, struct model_update *update)
{
	const int instance = draw_name_at(rand, PLACE_INSTANCE);
	const int ptr = rdata_of(DNS_TYPE_PTR, model_names[instance].text);

	if (is_chance(rand, 70)) {
		add_change(update, DELETE_RR, model_name_of(model_names[instance].type), ptr, 0);
	}
	if (is_chance(rand, 70)) {
		add_change(update, DELETE_NAME, instance, NONE, 0);
	}
}

/* An instance of a host whose lease is over gives way to another one of the same owner. */
static void draw_succession(struct rand *rand, const struct model *model,
			    struct model_update *update)
{
	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *record = &model->records[i];
		const struct model_entry *entry = &model->entries[record->name];
		const char *host = strrchr(model_rdatas[record->rdata].text, ' ');
		const int row = host == NULL ? NONE : model_name_of(host + 1);

		if (model_rdatas[record->rdata].type != DNS_TYPE_SRV || row == NONE ||
		    !model->entries[row].is_overdue || model->entries[row].owner != entry->owner) {
			continue;
		}
		const int other = draw_name_at(rand, PLACE_INSTANCE);
		update->owner = entry->owner;
		add_change(update, DELETE_NAME, record->name, NONE, 0);
		add_change(update, ADD, other, record->rdata, 60);
		return;
	}
}

/* ---- prerequisites ----------------------------------------------------------------------- */

static void add_prereq(struct model_update *update, enum model_prereq_form form, int name,
		       int rdata)
{
	const bool is_any = form == IS_USED || form == IS_UNUSED;

	if (update->prereq_count < PREREQS_MAX) {
		update->prereqs[update->prereq_count++] = (struct model_prereq){
			.form = form,
			.name = name,
			.type = is_any ? DNS_TYPE_ANY : model_rdatas[rdata].type,
			.rdata = form == SET_EQUALS ? rdata : NONE};
	}
}

/* Says the members of a set that is there, most often all of them. */
static void draw_true_set(struct rand *rand, const struct model *model, struct model_update *update)
{
	static struct model_view view;

	model_look(model, &view);
	const struct model_rr *some = &view.rrs[pick(rand, view.count)];
	for (size_t i = 0; i < view.count; i++) {
		const struct model_rr *rr = &view.rrs[i];

		if (strcmp(rr->name, some->name) == 0 && rr->type == some->type &&
		    rr->type != DNS_TYPE_SOA && is_chance(rand, 95)) {
			add_prereq(update, SET_EQUALS, model_name_of(rr->name),
				   rdata_of(rr->type, rr->rdata));
		}
	}
}

static void draw_prereqs(struct rand *rand, const struct model *model, struct model_update *update)
{
	if (is_chance(rand, 40)) {
		draw_true_set(rand, model, update);
	}
	for (uint32_t left = pick(rand, 3); left > 0; left--) {
		add_prereq(update, (enum model_prereq_form)pick(rand, 5), draw_name(rand),
			   draw_rdata(rand, DNS_TYPE_ANY));
	}
}

/* ---- commands ---------------------------------------------------------------------------- */

/* Mostly now; by a clock that is wrong, or long ago and recorded. */
static uint64_t draw_signed(struct rand *rand, const struct model *model)
{
	if (model->time_s == 0 || is_chance(rand, 2)) {
		return UINT64_MAX;
	}
	if (is_chance(rand, 80)) {
		return model->time_s;
	}
	return is_chance(rand, 75) ? model->time_s - pick(rand, 300)
				   : model->time_s + pick(rand, 300);
}

static void draw_update(struct rand *rand, const struct model *model, struct model_command *command)
{
	static const uint32_t owners[] = {MODEL_NET,   MODEL_NET,   MODEL_KEY_A,
					  MODEL_KEY_A, MODEL_KEY_A, MODEL_KEY_A,
					  MODEL_KEY_B, MODEL_KEY_B, MODEL_OPERATOR};
	static const uint32_t leases[] = {0, 5, 30, 60, 60, 60, 100000};
	static const uint32_t key_leases[] = {0, 50, 1000, 1000000000};
	struct model_update *update = &command->update;

	command->kind = MODEL_UPDATE;
	update->owner = (enum model_owner)one_of(rand, owners, COUNT_OF(owners));
	update->takeover = is_chance(rand, 8);
	update->signed_s = draw_signed(rand, model);
	update->has_lease = is_chance(rand, 60);
	if (update->has_lease) {
		update->lease_s = one_of(rand, leases, COUNT_OF(leases));
		update->has_key_lease = is_chance(rand, 30);
	}
	if (update->has_key_lease) {
		update->key_lease_s = one_of(rand, key_leases, COUNT_OF(key_leases));
	}
	if (is_chance(rand, 25)) {
		draw_prereqs(rand, model, update);
	}
	if (is_chance(rand, 10)) {
		draw_succession(rand, model, update);
	} else if (is_chance(rand, 60)) {
		draw_registration(rand, update);
		for (uint32_t left = is_chance(rand, 15) ? 2 : 0; left > 0; left--) {
			draw_noise(rand, model, update);
		}
	} else if (is_chance(rand, 25)) {
		draw_withdrawal(rand, update);
	} else {
		for (uint32_t left = 1 + pick(rand, 4); left > 0; left--) {
			draw_noise(rand, model, update);
		}
	}
}

static void draw_expire(struct rand *rand, const struct model *model, struct model_command *command)
{
	struct model_expire *expire = &command->expire;

	command->kind = MODEL_EXPIRE;
	for (int tries = 0; tries < 40 && expire->count < EXPIRIES_DRAWN; tries++) {
		const int name = draw_name(rand);
		const struct model_entry *entry = &model->entries[name];

		if (entry->lease_s > 0 || is_chance(rand, 2)) {
			expire->leases[expire->count].name = name;
			expire->leases[expire->count].version =
				entry->version - (is_chance(rand, 15) ? 1 : 0);
			expire->count++;
		}
	}
}

static void draw_shape(struct rand *rand, struct model_shape *shape)
{
	static const uint32_t max_leases[] = {7200, 120};
	static const uint32_t max_ttls[] = {86400, 600};

	shape->ttl_derived_s = 10 * (1 + pick(rand, 2));
	shape->ttl_max_s = one_of(rand, max_ttls, COUNT_OF(max_ttls));
	shape->lease_min_s = 30;
	shape->lease_max_s = one_of(rand, max_leases, COUNT_OF(max_leases));
	shape->key_lease_max_s = 604800;
	shape->refuses_permanent = is_chance(rand, 10);
	shape->lease_default_s = is_chance(rand, 20) && !shape->refuses_permanent ? 45 : 0;
	shape->pool_label = is_chance(rand, 50) ? "pool" : "vip";
}

/* What a person might write into a base file: legal together in any choice. */
static const struct {
	const char *name;
	uint16_t type;
	const char *rdata;
} base_lines[] = {
	{APEX, DNS_TYPE_NS, "ns." APEX},
	{APEX, DNS_TYPE_NS, "ns.example."},
	{APEX, DNS_TYPE_TXT, "\"one\""},
	{"h1." APEX, DNS_TYPE_A, "192.0.2.1"},
	{"h1." APEX, DNS_TYPE_A, "192.0.2.3"},
	{"b._dns-sd._udp." APEX, DNS_TYPE_PTR, "other.example."},
	{"_http._tcp." APEX, DNS_TYPE_TXT, "\"one\""},
	{"_http._tcp." APEX, DNS_TYPE_SRV, "0 0 80 h1." APEX},
	{"_http._tcp." APEX, DNS_TYPE_PTR, "other.example."},
	{"_http._tcp." APEX, DNS_TYPE_PTR, "c._http._tcp." APEX},
	{"_red._sub._http._tcp." APEX, DNS_TYPE_PTR, "c._http._tcp." APEX},
	{"c._http._tcp." APEX, DNS_TYPE_SRV, "1 0 80 h2." APEX},
	{"c._http._tcp." APEX, DNS_TYPE_TXT, "\"one\""},
	{"_services._dns-sd._udp." APEX, DNS_TYPE_PTR, "_http._tcp." APEX},
	{"x.y.z." APEX, DNS_TYPE_CNAME, "deep.h1." APEX},
	{"z." APEX, DNS_TYPE_NS, "ns.example."},
	{"*.w." APEX, DNS_TYPE_TXT, "\"one\""},
	{"_red._sub._ipp._udp." APEX, DNS_TYPE_PTR, "x._ipp._udp." APEX},
	{"_ipp._udp." APEX, DNS_TYPE_PTR, "y._ipp._udp." APEX},
};

void draw_base(struct rand *rand, const struct model *model, struct model_command *command)
{
	static const uint32_t serials[] = {0, 1, 1, UINT32_MAX - 1, 2026010101};
	struct model_base *base = &command->base;
	const uint32_t ttl = 100 * (1 + pick(rand, 2));
	const bool is_first = model->shape.pool_label == NULL;

	command->kind = MODEL_SET_BASE;
	base->shape = model->shape;
	if (is_first || is_chance(rand, 50)) {
		draw_shape(rand, &base->shape);
	}
	base->soa = model->soa;
	if (is_first || is_chance(rand, 30)) {
		base->soa.ttl = 5;
		base->soa.minimum = 5 + pick(rand, 2);
		base->soa.serial = is_first ? one_of(rand, serials, COUNT_OF(serials))
					    : model->serial + pick(rand, 3);
	}
	for (size_t i = 0; i < COUNT_OF(base_lines); i++) {
		if (is_chance(rand, 25)) {
			const int name = model_name_of(base_lines[i].name);
			base->records[base->count].name = name;
			base->records[base->count].rdata =
				rdata_of(base_lines[i].type, base_lines[i].rdata);
			base->records[base->count].ttl = ttl + (uint32_t)name;
			base->count++;
		}
	}
}

void draw_command(struct rand *rand, const struct model *model, struct model_command *command)
{
	const uint32_t dice = pick(rand, 100);

	memset(command, 0, sizeof(*command));
	if (dice < 3 || (!model->is_served && dice < 60)) {
		draw_base(rand, model, command);
	} else if (dice < 4) {
		command->kind = MODEL_RETIRE;
	} else if (dice < 14) {
		draw_expire(rand, model, command);
	} else {
		draw_update(rand, model, command);
	}
}

void draw_word(struct rand *rand, const struct model *model, struct model_command *command)
{
	memset(command, 0, sizeof(*command));
	command->kind = is_chance(rand, 60) ? MODEL_RELEASE : MODEL_REMOVE;
	command->name = draw_name(rand);
	for (int tries = 0; tries < 20; tries++) {
		const bool is_wanted = command->kind == MODEL_RELEASE
					       ? model->entries[command->name].is_held
					       : model_has_entry(model, command->name);

		if (is_wanted) {
			return;
		}
		command->name = draw_name(rand);
	}
}

/* ---- printing ---------------------------------------------------------------------------- */

static void print_update(FILE *out, const struct model_update *update)
{
	static const char *const owners[] = {"nobody", "base", "net", "key a", "key b", "operator"};
	static const char *const wants[] = {"used", "exists", "unused", "missing", "equals"};
	static const char *const forms[] = {"add", "delete set", "delete name", "delete"};
	char type[16];

	fprintf(out, "UPDATE %s%s%s", owners[update->owner], update->takeover ? " takeover" : "",
		update->hold ? " hold" : "");
	if (update->has_lease) {
		fprintf(out, " lease %u", update->lease_s);
	}
	if (update->has_key_lease) {
		fprintf(out, " key lease %u", update->key_lease_s);
	}
	fprintf(out, "\n");
	for (size_t i = 0; i < update->prereq_count; i++) {
		const struct model_prereq *prereq = &update->prereqs[i];

		fprintf(out, "    if %s %s %s %s\n", wants[prereq->form],
			model_names[prereq->name].text, dns_rrtype_to_text(type, prereq->type),
			prereq->rdata == NONE ? "" : model_rdatas[prereq->rdata].text);
	}
	for (size_t i = 0; i < update->change_count; i++) {
		const struct model_change *change = &update->changes[i];

		fprintf(out, "    %s %s %u %s %s", forms[change->form],
			model_names[change->name].text, change->ttl,
			dns_rrtype_to_text(type, change->type),
			change->rdata == NONE ? "" : model_rdatas[change->rdata].text);
		if (change->type == DNS_TYPE_SOA && change->form == ADD) {
			fprintf(out, "serial %u minimum %u", change->soa.serial,
				change->soa.minimum);
		}
		fprintf(out, "\n");
	}
}

static void print_base(FILE *out, const struct model_base *base)
{
	const struct model_shape *shape = &base->shape;
	char type[16];

	fprintf(out, "BASE ttl %u max %u leases to %u default %s%u pool %s serial %u minimum %u\n",
		shape->ttl_derived_s, shape->ttl_max_s, shape->lease_max_s,
		shape->refuses_permanent ? "refuse " : "", shape->lease_default_s,
		shape->pool_label, base->soa.serial, base->soa.minimum);
	for (size_t i = 0; i < base->count; i++) {
		const struct model_rdata *rdata = &model_rdatas[base->records[i].rdata];

		fprintf(out, "    %s %u %s %s\n", model_names[base->records[i].name].text,
			base->records[i].ttl, dns_rrtype_to_text(type, rdata->type), rdata->text);
	}
}

void draw_print(FILE *out, const struct model_command *command)
{
	switch (command->kind) {
	case MODEL_UPDATE:
		print_update(out, &command->update);
		break;
	case MODEL_SET_BASE:
		print_base(out, &command->base);
		break;
	case MODEL_EXPIRE:
		fprintf(out, "EXPIRE\n");
		for (size_t i = 0; i < command->expire.count; i++) {
			fprintf(out, "    %s version %llu\n",
				model_names[command->expire.leases[i].name].text,
				(unsigned long long)command->expire.leases[i].version);
		}
		break;
	case MODEL_RETIRE:
		fprintf(out, "RETIRE\n");
		break;
	case MODEL_RELEASE:
		fprintf(out, "RELEASE %s\n", model_names[command->name].text);
		break;
	case MODEL_REMOVE:
		fprintf(out, "REMOVE %s\n", model_names[command->name].text);
		break;
	}
}
