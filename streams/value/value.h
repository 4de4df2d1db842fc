/*
 * Values as callbacks see them, and the context that owns their memory. A value lives in the arena
 * of the record that made it. Fields of a record lie in one array behind it: reading one is a
 * comparison of names and no allocation. A value keeps the bytes that it was read from (raw, with
 * the serde), so that writing it again with the same serde is a copy.
 */
#pragma once

#include "common/arena.h"
#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "streams/include/weir/streams.h"

struct weir_value {
    enum weir_kind kind;
    bool open; /* made by weir_make_record and still to be filled */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct bytes bytes; /* strings and bytes */
        void *object;
        struct {
            struct weir_value *items;
            const struct bytes *names; /* count of them; NULL for arrays */
            size_t count;
            const void *schema; /* struct avro_schema of a record, else NULL */
        } list;
        struct {
            const struct weir_value *key;
            int64_t start_ms;
            int64_t end_ms;
        } window;
    } u;
    const struct weir_serde *raw_serde; /* NULL: raw is not set */
    struct bytes raw;
};

struct value_header {
    const char *name;
    struct bytes value;
};

struct value_headers {
    size_t count;
    struct value_header *items;
};

/* What the network holds for a record, and what the running node adds. One per task. */
struct weir_context {
    struct arena *arena; /* of the record at hand */
    bool failed;
    struct err err; /* the first failure */
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct value_headers headers;
    void (*emit)(void *emit_ctx, const struct weir_value *value); /* set for flatMapValues */
    void *emit_ctx;
    struct buf *write_to;           /* set for a custom serde's write */
    struct serde_registry *schemas; /* Avro: where schemas come from */
};

/* The first failure wins. */
void value_fail(struct weir_context *ctx, enum err_code code, const char *fmt, ...)
    ERR_PRINTF(3, 4);
/* Zeroed value in the record's memory, or NULL with a failed context. */
struct weir_value *value_alloc(struct weir_context *ctx, enum weir_kind kind);
/* NULL for NULL and for WEIR_KIND_NULL. */
static inline const struct weir_value *value_or_null(const struct weir_value *v)
{
    return v != NULL && v->kind != WEIR_KIND_NULL ? v : NULL;
}
/* Static text, "string". */
const char *value_kind_name(enum weir_kind kind);
/* Appends as weir_make_printed shows it. */
void value_print(const struct weir_value *v, struct buf *out, int depth);
