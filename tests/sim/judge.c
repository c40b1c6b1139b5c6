#include "tests/sim/judge.h"

#include <string.h>

#define IPP "_ipp._udp." APEX

enum set { NO_RULES, TAKEOVER_BY_A, NOT_B, NO_PRINTERS, HELD_PRINTERS };

const char *const judge_rules[] = {
	[NO_RULES] = "{}",
	[TAKEOVER_BY_A] = "{rules: [{allow: {key: a}, takeover: true}, {allow: {}}]}",
	[NOT_B] = "{rules: [{deny: {key: b}}, {allow: {}}]}",
	[NO_PRINTERS] = "{rules: [{deny: {type: _ipp._udp}}, "
			"{allow: {key: b}, takeover: true}, {allow: {}}]}",
	[HELD_PRINTERS] = "{rules: [{hold: {type: _ipp._udp}}, {allow: {}}]}",
};

const size_t judge_count = sizeof(judge_rules) / sizeof(judge_rules[0]);

/* The instance that a change is about: by its own name, or as the target of its PTR. */
static int instance_of(const struct model *model, const struct model_change *change)
{
	const bool has_rdata = change->form == ADD || change->form == DELETE_RR;

	if (model_place(model, change->name) == PLACE_INSTANCE) {
		return change->name;
	}
	return has_rdata ? model_instance_of_ptr(model, change->name, change->rdata) : NONE;
}

static bool is_about_printers(const struct model *model, const struct model_update *update)
{
	for (size_t i = 0; i < update->change_count; i++) {
		const int instance = instance_of(model, &update->changes[i]);

		if (instance != NONE && strcmp(model_names[instance].type, IPP) == 0) {
			return true;
		}
	}
	return false;
}

bool judge_allows(size_t rules, const struct model *model, struct model_update *update)
{
	update->takeover = false;
	update->hold = false;
	switch (rules) {
	case TAKEOVER_BY_A:
		update->takeover = update->owner == MODEL_KEY_A;
		return true;
	case NOT_B:
		return update->owner != MODEL_KEY_B || update->change_count == 0;
	case NO_PRINTERS:
		update->takeover = update->owner == MODEL_KEY_B;
		return !is_about_printers(model, update);
	case HELD_PRINTERS:
		update->hold = is_about_printers(model, update);
		return true;
	default:
		return true;
	}
}
