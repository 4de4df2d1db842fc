/* Fills any message with random, valid content by its table: for round trips over every version. */
#pragma once

#include <stdint.h>

#include "common/arena.h"
#include "protocol/message.h"

struct message_fill {
    struct arena *arena;
    uint64_t state; /* of the generator; the seed, not 0 */
    int16_t version;
};

/* Sets the fields of this version to random values and leaves the others at their defaults. */
void message_fill(struct message_fill *f, const struct message_schema *s, void *msg);
