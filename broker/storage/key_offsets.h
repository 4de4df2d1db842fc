/*
 * The newest offset of each key, for the cleaner: a table of fixed size that knows keys by 128 bits
 * of their SHA-256, 24 bytes a key (a general hash table takes more than 100). Two keys that share
 * these bits would lose records; nobody can make such a pair. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

struct key_digest;
struct key_offsets_slot;

struct key_offsets {
    struct key_offsets_slot *slots;
    size_t capacity;
    size_t count;
    size_t max_count;
    struct key_digest *digest;
};

/* For up to `keys` keys, or as many as fit into max_bytes. */
enum err_code key_offsets_init(struct key_offsets *k, uint64_t keys, size_t max_bytes,
                               struct err *e);
/* Also after a failed init, and of zeroes. */
void key_offsets_deinit(struct key_offsets *k);
/* The larger offset stays. False when the key is new and there is no room. */
bool key_offsets_put(struct key_offsets *k, struct bytes key, int64_t offset);
/* -1 = unknown. */
int64_t key_offsets_get(const struct key_offsets *k, struct bytes key);
