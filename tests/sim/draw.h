/*
 * Random commands over the small universe of model.h: registrations as providers send them, noise,
 * base changes, expiries. Drawn with the model's state in view, so that versions and prerequisites
 * are often right.
 */
#pragma once

#include <stdio.h>

#include "base/rand.h"
#include "tests/sim/model.h"

/* Any command but the first one, which is a base. */
void draw_command(struct rand *rand, const struct model *model, struct model_command *command);
void draw_base(struct rand *rand, const struct model *model, struct model_command *command);

/* The operator's word: it releases or removes a name, most often one that is there. */
void draw_word(struct rand *rand, const struct model *model, struct model_command *command);

/* The command as a person would write it. */
void draw_print(FILE *out, const struct model_command *command);
