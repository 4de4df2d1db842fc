/*
 * The order in which a Java HashMap or HashSet of texts is walked: Kafka Streams' description of a
 * topology depends on it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* out_order[i]: index of the i-th key of the walk. keys differ, and are in the order in which they
 * were put. copied: the set was made from a whole collection, which gives it another size than
 * growing with each key. */
void java_hash_order(const char *const *keys, size_t count, bool copied, size_t *out_order);
