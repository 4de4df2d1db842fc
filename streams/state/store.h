/*
 * A state store of a task: record cache, then changelog, then bytes (kv.h). Values are stored as
 * timestamp (8 bytes) and value; the changelog has the bare value and the timestamp as the
 * record's. A windowed store's keys are key, window start (8), sequence number 0 (4); below, each
 * has the start of its segment (8) in front, so that expiry drops one run of keys.
 *
 * A windowed store has a time of its own, the greatest window start that it was given: it hides
 * windows older than its retention, and refuses writes to segments older than that. It starts
 * anew (-1) when the store is opened (reference 2.1).
 */
#pragma once

#include "streams/state/kv.h"
#include "streams/state/record_cache.h"
#include "streams/task/collector.h"
#include "streams/topology/topology.h"

/* Behind the key of a windowed store. */
#define STORE_WINDOW_SUFFIX 12
#define STORE_VALUE_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Called for what the cache lets go, after it was stored and logged: sends it downstream. */
typedef enum err_code (*store_forward_fn)(void *ctx, struct bytes key, struct bytes value,
                                          const struct record_cache_origin *origin, struct err *e);

struct store {
    const struct topology_store *def;
    struct kv *kv;              /* owned */
    struct record_cache *cache; /* owned; NULL: off */
    struct collector *collector;
    char *changelog; /* topic, owned: schemas are registered under it even when nothing is logged */
    bool logged;
    int32_t partition;
    int64_t acked_offset;    /* behind the last changelog record known to be written; -1: none */
    int64_t restored_offset; /* next to restore; -1: from the start */
    int64_t observed_ms;
    int64_t expired_total;
    int64_t live_segment; /* segments below have been dropped */
    bool corrupt;         /* found to be damaged while in use: wipe and restore */
    struct buf scratch;   /* values read */
    struct buf key;       /* physical keys */
    store_forward_fn forward;
    void *forward_ctx;
};

struct store_config {
    const struct topology_store *def;
    struct kv *kv;                      /* taken */
    struct record_cache_budget *budget; /* NULL: no cache */
    struct collector *collector;
    const char *changelog; /* topic; written if def->logging */
    int32_t partition;
    store_forward_fn forward;
    void *forward_ctx;
};

/* kv is closed on failure as well. */
enum err_code store_create(const struct store_config *config, struct store **out_store,
                           struct err *e);
/* Drops what the cache still holds. NULL is fine. */
void store_destroy(struct store *s);
/* *out_value null when there is none; valid until the next call. Timestamp in front. */
enum err_code store_get(struct store *s, struct bytes key, struct bytes *out_value, struct err *e);
/* value: timestamp and value, or null to delete. Without a cache it is stored and logged at once,
 * and sending it on is the caller's. */
enum err_code store_put(struct store *s, struct bytes key, struct bytes value,
                        const struct record_cache_origin *origin, struct err *e);
/* Empties the cache. */
enum err_code store_flush(struct store *s, struct err *e);
/* One record of the changelog. observe: in a batch, all are observed before any is applied. What is
 * restored may lie in a batch of the store's until it is read, flushed or synced. */
void store_observe(struct store *s, struct bytes key);
enum err_code store_restore(struct store *s, struct bytes key, struct bytes value,
                            int64_t timestamp_ms, struct err *e);
