/*
 * The model's commands as the log has them. Letters vary in case now and then: it must not matter.
 */
#pragma once

#include "base/arena.h"
#include "base/rand.h"
#include "registry/command.h"
#include "tests/sim/model.h"

/* The rows of the model's names, and the apex, in wire form: after wire_prepare(). */
extern uint8_t wire_names[NAMES_MAX][DNS_NAME_MAX];
extern uint8_t wire_apex[DNS_NAME_MAX];

void wire_prepare(void);

struct owner wire_owner(enum model_owner owner);

/* Writes a command into a batch. */
void wire_command(struct rand *rand, struct arena *arena, struct buf_writer *out,
		  const struct model_command *command);

/* One command as it is submitted; its octets. */
size_t wire_one(struct rand *rand, struct arena *arena, uint8_t *octets, size_t room,
		const struct model_command *command);

/* The UPDATE message that says the same; its octets. */
size_t wire_message(struct rand *rand, struct arena *arena, uint8_t *octets, size_t room,
		    const struct model_update *update);
