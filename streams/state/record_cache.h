/*
 * The write-back cache in front of a store: keeps the latest value of a key, so that of many
 * updates between two commits only the last is written, logged and emitted. Each store of a task
 * has one; all caches of a thread share a budget of bytes. When it is used up, the store that just
 * wrote gives up entries that were not used lately (second chance, where the original keeps a list
 * by use); if one is dirty, all dirty entries of that store are let go first, oldest write first
 * (as the original does). The newest entry always stays. One owner thread.
 */
#pragma once

#include "common/bytes.h"
#include "common/err.h"
#include "streams/value/value.h"

struct record_cache;

struct record_cache_budget {
    size_t limit_bytes;
    size_t used_bytes;
};

/* The record that wrote an entry last. */
struct record_cache_origin {
    int64_t timestamp_ms;
    int64_t offset;
    const struct value_headers *headers; /* copied */
};

/* Gets what leaves: writes it down and sends it on. A null value is a deletion. */
typedef enum err_code (*record_cache_flush_fn)(void *ctx, struct bytes key, struct bytes value,
                                               const struct record_cache_origin *origin,
                                               struct err *e);

/* Called behind each run of them. */
typedef enum err_code (*record_cache_flush_end_fn)(void *ctx, struct err *e);

/* NULL when out of memory. */
struct record_cache *record_cache_create(struct record_cache_budget *budget,
                                         record_cache_flush_fn flush,
                                         record_cache_flush_end_fn flush_end, void *flush_ctx);
/* Drops all, dirty or not. NULL is fine. */
void record_cache_destroy(struct record_cache *c);
/* False when the key is not cached. *out_value is null for a deletion; valid until the next call.
 */
bool record_cache_get(struct record_cache *c, struct bytes key, struct bytes *out_value);
enum err_code record_cache_put(struct record_cache *c, struct bytes key, struct bytes value,
                               const struct record_cache_origin *origin, struct err *e);
/* Lets all dirty entries go; they stay cached, clean. */
enum err_code record_cache_flush(struct record_cache *c, struct err *e);
size_t record_cache_count(const struct record_cache *c);
