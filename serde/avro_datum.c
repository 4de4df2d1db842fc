#include "serde/avro_datum.h"

#include <string.h>

#include "common/arena.h"
#include "common/check.h"
#include "serde/avro_codec.h"
#include "serde/avro_datum_internal.h"
#include "serde/avro_schema.h"

/* Items of no bytes (null, empty records) need no input: their number is bounded by this instead.
 */
#define AVRO_DATUM_ITEMS_MAX ((size_t)1 << 24)

const struct avro_datum *avro_datum_inner(const struct avro_datum *d)
{
    while (d->type->kind == AVRO_KIND_UNION) {
        d = d->as.choice.value;
    }
    return d;
}

const struct avro_datum *avro_datum_get(const struct avro_datum *record, const char *field)
{
    record = avro_datum_inner(record);
    if (record->type->kind != AVRO_KIND_RECORD) {
        return NULL;
    }
    const struct avro_field *found = avro_schema_field(record->type, field);
    return found != NULL ? avro_datum_inner(&record->as.list.items[found - record->type->fields])
                         : NULL;
}

bool avro_datum_is_null(const struct avro_datum *d)
{
    return avro_datum_inner(d)->type->kind == AVRO_KIND_NULL;
}

/* Doubles the arrays of a list when they are full. */
static bool avro_datum_grow(struct avro_datum *d, size_t *capacity, struct arena *a)
{
    size_t more = *capacity > 0 ? *capacity * 2 : 8;
    struct avro_datum *items = arena_alloc_array(a, more, sizeof *items);
    struct bytes *keys =
        d->type->kind == AVRO_KIND_MAP ? arena_alloc_array(a, more, sizeof *keys) : NULL;
    if (arena_failed(a)) {
        return false;
    }
    if (d->as.list.count > 0) {
        memcpy(items, d->as.list.items, d->as.list.count * sizeof *items);
        if (keys != NULL) {
            memcpy(keys, d->as.list.keys, d->as.list.count * sizeof *keys);
        }
    }
    d->as.list.items = items;
    d->as.list.keys = keys;
    *capacity = more;
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
void avro_datum_read_blocks(struct avro_datum_reader *in, struct avro_datum *d,
                            avro_datum_read_fn read, const void *plan)
{
    struct reader *r = &in->reader;
    size_t capacity = 0;
    size_t left = 0;
    while (!reader_failed(r) && (left > 0 || (left = avro_codec_next_block(r, true)) > 0)) {
        if (d->as.list.count == AVRO_DATUM_ITEMS_MAX ||
            (d->as.list.count == capacity && !avro_datum_grow(d, &capacity, in->arena))) {
            reader_fail(r);
            return;
        }
        size_t i = d->as.list.count++;
        if (d->as.list.keys != NULL) {
            d->as.list.keys[i] = avro_codec_get_bytes(r);
        }
        read(in, plan, &d->as.list.items[i]);
        left--;
    }
}

void avro_datum_read_scalar(struct avro_datum_reader *in, const struct avro_type *type,
                            struct avro_datum *d)
{
    struct reader *r = &in->reader;
    switch (type->kind) {
    case AVRO_KIND_BOOLEAN:
        d->as.boolean = avro_codec_get_boolean(r);
        break;
    case AVRO_KIND_INT:
        d->as.int_value = avro_codec_get_int(r);
        break;
    case AVRO_KIND_LONG:
        d->as.long_value = avro_codec_get_long(r);
        break;
    case AVRO_KIND_FLOAT:
        d->as.float_value = avro_codec_get_float(r);
        break;
    case AVRO_KIND_DOUBLE:
        d->as.double_value = avro_codec_get_double(r);
        break;
    case AVRO_KIND_BYTES:
    case AVRO_KIND_STRING:
        d->as.bytes = avro_codec_get_bytes(r);
        break;
    case AVRO_KIND_FIXED:
        d->as.bytes = reader_bytes(r, type->size);
        break;
    case AVRO_KIND_ENUM:
        d->as.symbol = avro_codec_get_index(r, type->symbols.count);
        break;
    case AVRO_KIND_NULL:
    case AVRO_KIND_RECORD:
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
    case AVRO_KIND_UNION:
        break;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void avro_datum_read(struct avro_datum_reader *in, const void *plan, struct avro_datum *d)
{
    const struct avro_type *type = plan;
    struct reader *r = &in->reader;
    *d = (struct avro_datum){.type = type};
    if (in->depth == AVRO_SCHEMA_DEPTH_MAX) {
        reader_fail(r);
        return;
    }
    in->depth++;
    if (type->kind == AVRO_KIND_RECORD) {
        d->as.list.items = arena_alloc_array(in->arena, type->field_count, sizeof *d);
        for (size_t i = 0; i < type->field_count && !avro_datum_failed(in); i++) {
            avro_datum_read(in, type->fields[i].type, &d->as.list.items[i]);
            d->as.list.count++;
        }
    } else if (type->kind == AVRO_KIND_UNION) {
        d->as.choice.branch = avro_codec_get_index(r, type->branch_count);
        d->as.choice.value = arena_alloc(in->arena, sizeof *d);
        if (!avro_datum_failed(in)) {
            avro_datum_read(in, type->branches[d->as.choice.branch], d->as.choice.value);
        }
    } else if (type->kind == AVRO_KIND_ARRAY || type->kind == AVRO_KIND_MAP) {
        avro_datum_read_blocks(in, d, avro_datum_read, type->items);
    } else {
        avro_datum_read_scalar(in, type, d);
    }
    in->depth--;
}

enum err_code avro_datum_finish(const struct avro_datum_reader *in, const struct avro_type *type,
                                struct err *e)
{
    if (arena_failed(in->arena)) {
        return err_set(e, ERR_LIMIT, "Avro data needs more than %zu bytes of memory",
                       in->arena->limit_bytes);
    }
    if (reader_failed(&in->reader)) {
        return err_set(e, ERR_CORRUPT, "data is not a valid Avro %s",
                       avro_schema_branch_name(type));
    }
    if (reader_left(&in->reader) > 0) {
        return err_set(e, ERR_CORRUPT, "%zu bytes follow the Avro %s", reader_left(&in->reader),
                       avro_schema_branch_name(type));
    }
    return ERR_OK;
}

enum err_code avro_datum_decode(const struct avro_type *type, struct bytes data, struct arena *a,
                                struct avro_datum *out_datum, struct err *e)
{
    struct avro_datum_reader in = {.arena = a};
    reader_init(&in.reader, data);
    struct avro_datum d;
    avro_datum_read(&in, type, &d);
    enum err_code code = avro_datum_finish(&in, type, e);
    if (code == ERR_OK) {
        *out_datum = d;
    }
    return code;
}

/* NOLINTNEXTLINE(misc-no-recursion): the tree's depth was bounded when it was made. */
static void avro_datum_encode_list(const struct avro_datum *d, struct buf *b)
{
    if (d->as.list.count > 0) {
        avro_codec_put_count(b, d->as.list.count);
    }
    for (size_t i = 0; i < d->as.list.count; i++) {
        if (d->type->kind == AVRO_KIND_MAP) {
            avro_codec_put_bytes(b, d->as.list.keys[i]);
        }
        avro_datum_encode(&d->as.list.items[i], b);
    }
    avro_codec_put_count(b, 0);
}

/* NOLINTNEXTLINE(misc-no-recursion): the tree's depth was bounded when it was made. */
void avro_datum_encode(const struct avro_datum *d, struct buf *b)
{
    switch (d->type->kind) {
    case AVRO_KIND_NULL:
        break;
    case AVRO_KIND_BOOLEAN:
        avro_codec_put_boolean(b, d->as.boolean);
        break;
    case AVRO_KIND_INT:
        avro_codec_put_int(b, d->as.int_value);
        break;
    case AVRO_KIND_LONG:
        avro_codec_put_long(b, d->as.long_value);
        break;
    case AVRO_KIND_FLOAT:
        avro_codec_put_float(b, d->as.float_value);
        break;
    case AVRO_KIND_DOUBLE:
        avro_codec_put_double(b, d->as.double_value);
        break;
    case AVRO_KIND_BYTES:
    case AVRO_KIND_STRING:
        avro_codec_put_bytes(b, d->as.bytes);
        break;
    case AVRO_KIND_FIXED:
        CHECK(d->as.bytes.len == d->type->size);
        buf_append_bytes(b, d->as.bytes);
        break;
    case AVRO_KIND_ENUM:
        CHECK(d->as.symbol < d->type->symbols.count);
        avro_codec_put_index(b, d->as.symbol);
        break;
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
        avro_datum_encode_list(d, b);
        break;
    case AVRO_KIND_UNION:
        CHECK(d->as.choice.branch < d->type->branch_count);
        avro_codec_put_index(b, d->as.choice.branch);
        avro_datum_encode(d->as.choice.value, b);
        break;
    case AVRO_KIND_RECORD:
        CHECK(d->as.list.count == d->type->field_count);
        for (size_t i = 0; i < d->as.list.count; i++) {
            avro_datum_encode(&d->as.list.items[i], b);
        }
        break;
    }
}
