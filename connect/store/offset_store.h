/*
 * The offsets topic (_connect-offsets) as a table: for each connector and source partition the JSON
 * of its source offset. Keys are written as the connector spells them, and looked up whatever the
 * order of their members.
 *
 * Threads: any. Writes wait until they are acknowledged and read back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/client_config.h"
#include "client/compacted_topic.h"
#include "common/arena.h"
#include "common/err.h"
#include "connect/include/connect_value.h"

struct buf;
struct logger;
struct offset_store;

struct offset_store_config {
    const struct client_config *client;
    const char *topic;
    int replication_factor;
    void (*on_live)(void *ctx);
    void *ctx;
    struct logger *lg;
};

enum err_code offset_store_open(const struct offset_store_config *config,
                                struct offset_store **out_store, struct err *e);
void offset_store_close(struct offset_store *s);
/* What it is kept in: whether that is read, and how long calls may wait. NULL for NULL. */
struct compacted_topic *offset_store_topic(struct offset_store *s);

/* *out_offset: a MAP in the arena, or null when there is none. */
enum err_code offset_store_get(struct offset_store *s, const char *connector, const char *partition,
                               struct arena *a, struct connect_value *out_offset, struct err *e);

struct offset_store_write {
    const char *partition; /* JSON object */
    const char *offset;    /* JSON object; NULL removes */
};

enum err_code offset_store_put(struct offset_store *s, const char *connector,
                               const struct offset_store_write *writes, size_t count,
                               int timeout_ms, struct err *e);
/* Appends [{"partition":{...},"offset":{...}},...]. */
void offset_store_write_json(struct offset_store *s, const char *connector, struct buf *out);
/* Removes all of a connector. */
enum err_code offset_store_reset(struct offset_store *s, const char *connector, int timeout_ms,
                                 struct err *e);
