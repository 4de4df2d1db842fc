/*
 * Single message transforms, predicates and converters: what a record goes through between the task
 * and Kafka. Objects are created for each task (and pair of key and value) and used by the task's
 * thread only. Errors carry a trace head (connect_error.h); the worker wraps them with "Tolerance
 * exceeded in error handler", or skips the record when errors.tolerance is all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/logger.h"
#include "connect/include/connect_config.h"
#include "connect/include/connect_error.h"
#include "connect/include/connect_plugin.h"
#include "connect/include/connect_record.h"

struct transform_ops {
    /* config: the keys behind "transforms.A.", already checked against plugin->keys; borrowed for
     * the call. */
    enum err_code (*create)(const struct connect_plugin *plugin,
                            const struct connect_config *config, void **out_transform,
                            struct err *e);
    /* Changes the record in place: new values in scope->arena, new schemas built once and cached,
     * kept in the scope. Sets record->dropped to drop it. */
    enum err_code (*apply)(void *transform, struct connect_record *record,
                           struct connect_scope *scope, struct err *e);
    void (*destroy)(void *transform);
};

struct predicate_ops {
    enum err_code (*create)(const struct connect_plugin *plugin,
                            const struct connect_config *config, void **out_predicate,
                            struct err *e);
    enum err_code (*test)(void *predicate, const struct connect_record *record, bool *out_result,
                          struct err *e);
    void (*destroy)(void *predicate);
};

struct converter_options {
    bool is_key;
    struct logger *logger;
    /* True once the task is to end: what waits for others gives up with ERR_CANCELLED. NULL: never.
     */
    bool (*stopping)(void *ctx);
    void *ctx;
};

/* What is written: schema NULL = schemaless. */
struct converter_input {
    const char *topic;
    const struct connect_schema *schema;
    const struct connect_value *value;
};

/* What was read. */
struct converter_result {
    const struct connect_schema *schema;
    struct connect_value value;
};

struct converter_ops {
    /* config: the keys behind "value.converter." (or the worker's). */
    enum err_code (*create)(const struct connect_plugin *plugin,
                            const struct connect_config *config,
                            const struct converter_options *options, void **out_converter,
                            struct err *e);
    /* Appends the bytes to out. *out_null = true instead: the record has no key, or is a
     * tombstone. */
    enum err_code (*from_connect)(void *converter, const struct converter_input *in,
                                  struct buf *out, bool *out_null, struct err *e);
    /* The other way; NULL when a converter only writes. The schema is kept by the scope. */
    enum err_code (*to_connect)(void *converter, const char *topic, struct bytes data,
                                struct connect_scope *scope, struct converter_result *out_result,
                                struct err *e);
    void (*destroy)(void *converter);
};

/* Caches for transforms and converters: schema in, something owned out; a few entries, pointer
 * compare first, then by content, so that a task that rebuilds an equal schema still hits. */
struct transform_cache;

typedef void (*transform_cache_free_fn)(void *value);

/* At most `capacity` entries, least recently used leaves. NULL when memory is short. */
struct transform_cache *transform_cache_create(size_t capacity, transform_cache_free_fn free_value);
void transform_cache_destroy(struct transform_cache *c);
/* NULL when absent. */
void *transform_cache_get(struct transform_cache *c, const struct connect_schema *schema);
/* Holds a reference of the schema, owns the value from now on. */
void transform_cache_put(struct transform_cache *c, const struct connect_schema *schema,
                         void *take_value);
