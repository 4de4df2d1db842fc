/*
 * Serdes: between bytes on topics and in stores, and values. Stateless and shared by all threads;
 * what they need to know of a record (memory, schema registry) is in the context. Null is handled
 * here: neither function sees it.
 */
#pragma once

#include "streams/value/value.h"

/* What a value is written for: the schema subject hangs on it. */
struct serde_target {
    const char *topic;
    bool is_key;
};

struct weir_serde {
    const char *name;
    /* NULL with a failed context when the bytes are bad; ERR_UNAVAILABLE and ERR_TIMEOUT mean that
     * the bytes are not to blame. */
    const struct weir_value *(*read)(const struct weir_serde *s, struct weir_context *ctx,
                                     struct bytes in);
    void (*write)(const struct weir_serde *s, struct weir_context *ctx, const struct weir_value *v,
                  struct serde_target target, struct buf *out);
    const struct weir_serde *inner; /* windowed keys */
    int64_t window_size_ms;
    struct weir_serde_functions functions; /* custom */
    /* The bytes do not depend on the target: raw bytes may be reused. */
    bool position_free;
};

/* Null bytes give NULL without a failure: test ctx->failed. The value borrows from `in`. */
const struct weir_value *stream_serde_read(const struct weir_serde *s, struct weir_context *ctx,
                                           struct bytes in);
/* Appends the bytes of a value that is not NULL. */
void stream_serde_write(const struct weir_serde *s, struct weir_context *ctx,
                        const struct weir_value *v, struct serde_target target, struct buf *out);
/* In the arena of a topology. NULL when out of memory. */
const struct weir_serde *stream_serde_windowed(struct arena *arena, const struct weir_serde *inner,
                                               int64_t size_ms);
/* In the arena of a topology. NULL when out of memory. */
const struct weir_serde *stream_serde_custom(struct arena *arena,
                                             const struct weir_serde_functions *functions);
bool stream_serde_is_windowed(const struct weir_serde *s);
/* The serde of a config value: a Java class name of Kafka's serdes, or string, long, bytes, json,
 * avro. NULL when unknown. */
const struct weir_serde *stream_serde_by_name(const char *name);
