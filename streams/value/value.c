#include "streams/value/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"

void value_fail(struct weir_context *ctx, enum err_code code, const char *fmt, ...)
{
    if (ctx->failed) {
        return;
    }
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); /* a cut text is still the best there is */
    va_end(args);
    ctx->failed = true;
    (void)err_set(&ctx->err, code, "%s", text);
}

void weir_fail(struct weir_context *ctx, const char *text)
{
    value_fail(ctx, ERR_INVALID, "%s", text);
}

bool weir_failed(const struct weir_context *ctx)
{
    return ctx->failed;
}

const char *value_kind_name(enum weir_kind kind)
{
    static const char *const names[] = {
        [WEIR_KIND_NULL] = "null",         [WEIR_KIND_BOOL] = "boolean",
        [WEIR_KIND_INT] = "int",           [WEIR_KIND_LONG] = "long",
        [WEIR_KIND_FLOAT] = "float",       [WEIR_KIND_DOUBLE] = "double",
        [WEIR_KIND_STRING] = "string",     [WEIR_KIND_BYTES] = "bytes",
        [WEIR_KIND_RECORD] = "record",     [WEIR_KIND_ARRAY] = "array",
        [WEIR_KIND_MAP] = "map",           [WEIR_KIND_WINDOWED] = "windowed key",
        [WEIR_KIND_OBJECT] = "own object",
    };
    CHECK((size_t)kind < sizeof names / sizeof names[0]);
    return names[kind];
}

enum weir_kind weir_kind(const struct weir_value *value)
{
    return value != NULL ? value->kind : WEIR_KIND_NULL;
}

static void value_fail_kind(struct weir_context *ctx, const struct weir_value *v,
                            const char *wanted)
{
    value_fail(ctx, ERR_INVALID, "%s wanted, but the value is %s%s", wanted,
               v == NULL || v->kind == WEIR_KIND_NULL ? "" : "of type ",
               value_kind_name(weir_kind(v)));
}

bool weir_as_bool(struct weir_context *ctx, const struct weir_value *value)
{
    if (weir_kind(value) != WEIR_KIND_BOOL) {
        value_fail_kind(ctx, value, "boolean");
        return false;
    }
    return value->u.boolean;
}

static bool value_is_integer(const struct weir_value *v)
{
    return v != NULL && (v->kind == WEIR_KIND_INT || v->kind == WEIR_KIND_LONG);
}

int64_t weir_as_long(struct weir_context *ctx, const struct weir_value *value)
{
    if (!value_is_integer(value)) {
        value_fail_kind(ctx, value, "integer");
        return 0;
    }
    return value->u.integer;
}

double weir_as_double(struct weir_context *ctx, const struct weir_value *value)
{
    if (value_is_integer(value)) {
        return (double)value->u.integer;
    }
    if (value == NULL || (value->kind != WEIR_KIND_FLOAT && value->kind != WEIR_KIND_DOUBLE)) {
        value_fail_kind(ctx, value, "number");
        return 0;
    }
    return value->u.real;
}

struct weir_text weir_as_text(struct weir_context *ctx, const struct weir_value *value)
{
    if (weir_kind(value) != WEIR_KIND_STRING) {
        value_fail_kind(ctx, value, "string");
        return (struct weir_text){"", 0};
    }
    return (struct weir_text){(const char *)value->u.bytes.data, value->u.bytes.len};
}

struct weir_bytes weir_as_bytes(struct weir_context *ctx, const struct weir_value *value)
{
    if (weir_kind(value) != WEIR_KIND_BYTES) {
        value_fail_kind(ctx, value, "bytes");
        return (struct weir_bytes){"", 0};
    }
    return (struct weir_bytes){value->u.bytes.data, value->u.bytes.len};
}

void *weir_as_object(struct weir_context *ctx, const struct weir_value *value)
{
    if (weir_kind(value) != WEIR_KIND_OBJECT) {
        value_fail_kind(ctx, value, "own object");
        return NULL;
    }
    return value->u.object;
}

bool weir_text_equals(const struct weir_value *value, const char *text)
{
    return weir_kind(value) == WEIR_KIND_STRING && bytes_equal(value->u.bytes, bytes_of_text(text));
}

static bool value_is_list(const struct weir_value *v)
{
    return v != NULL &&
           (v->kind == WEIR_KIND_RECORD || v->kind == WEIR_KIND_ARRAY || v->kind == WEIR_KIND_MAP);
}

/* Index of the named item, or count. */
static size_t value_find(const struct weir_value *v, const char *name)
{
    size_t len = strlen(name);
    size_t i = 0;
    while (i < v->u.list.count &&
           !(v->u.list.names[i].len == len && memcmp(v->u.list.names[i].data, name, len) == 0)) {
        i++;
    }
    return i;
}

const struct weir_value *weir_field(struct weir_context *ctx, const struct weir_value *record,
                                    const char *name)
{
    enum weir_kind kind = weir_kind(record);
    if (kind != WEIR_KIND_RECORD && kind != WEIR_KIND_MAP) {
        value_fail(ctx, ERR_INVALID, "field %s read from a value that is %s%s", name,
                   kind == WEIR_KIND_NULL ? "" : "of type ", value_kind_name(kind));
        return NULL;
    }
    size_t i = value_find(record, name);
    if (i < record->u.list.count) {
        return value_or_null(&record->u.list.items[i]);
    }
    if (kind == WEIR_KIND_RECORD) {
        value_fail(ctx, ERR_INVALID, "the record has no field %s", name);
    }
    return NULL;
}

static bool value_check_index(struct weir_context *ctx, const struct weir_value *v, size_t index)
{
    if (!value_is_list(v)) {
        value_fail_kind(ctx, v, "record, array or map");
        return false;
    }
    if (index >= v->u.list.count) {
        value_fail(ctx, ERR_INVALID, "item %zu read from a %s of %zu", index,
                   value_kind_name(v->kind), v->u.list.count);
        return false;
    }
    return true;
}

const struct weir_value *weir_item(struct weir_context *ctx, const struct weir_value *value,
                                   size_t index)
{
    return value_check_index(ctx, value, index) ? value_or_null(&value->u.list.items[index]) : NULL;
}

size_t weir_item_count(const struct weir_value *value)
{
    return value_is_list(value) ? value->u.list.count : 0;
}

struct weir_text weir_item_name(struct weir_context *ctx, const struct weir_value *value,
                                size_t index)
{
    if (!value_check_index(ctx, value, index)) {
        return (struct weir_text){"", 0};
    }
    if (value->u.list.names == NULL) {
        value_fail(ctx, ERR_INVALID, "the items of an array have no names");
        return (struct weir_text){"", 0};
    }
    struct bytes name = value->u.list.names[index];
    return (struct weir_text){(const char *)name.data, name.len};
}

static bool value_check_windowed(struct weir_context *ctx, const struct weir_value *v)
{
    if (weir_kind(v) != WEIR_KIND_WINDOWED) {
        value_fail_kind(ctx, v, "windowed key");
        return false;
    }
    return true;
}

const struct weir_value *weir_windowed_key(struct weir_context *ctx,
                                           const struct weir_value *windowed)
{
    return value_check_windowed(ctx, windowed) ? windowed->u.window.key : NULL;
}

int64_t weir_window_start(struct weir_context *ctx, const struct weir_value *windowed)
{
    return value_check_windowed(ctx, windowed) ? windowed->u.window.start_ms : 0;
}

int64_t weir_window_end(struct weir_context *ctx, const struct weir_value *windowed)
{
    return value_check_windowed(ctx, windowed) ? windowed->u.window.end_ms : 0;
}

int64_t weir_context_timestamp(const struct weir_context *ctx)
{
    return ctx->timestamp_ms;
}

const char *weir_context_topic(const struct weir_context *ctx)
{
    return ctx->topic;
}

int32_t weir_context_partition(const struct weir_context *ctx)
{
    return ctx->partition;
}

int64_t weir_context_offset(const struct weir_context *ctx)
{
    return ctx->offset;
}

size_t weir_context_header_count(const struct weir_context *ctx)
{
    return ctx->headers.count;
}

const char *weir_context_header(const struct weir_context *ctx, size_t index,
                                struct weir_bytes *out_value)
{
    CHECK(index < ctx->headers.count);
    const struct value_header *h = &ctx->headers.items[index];
    *out_value = (struct weir_bytes){h->value.data, h->value.len};
    return h->name;
}

void weir_emit(struct weir_context *ctx, const struct weir_value *value)
{
    if (ctx->emit == NULL) {
        value_fail(ctx, ERR_STATE, "weir_emit called outside a flatMapValues callback");
        return;
    }
    ctx->emit(ctx->emit_ctx, value);
}

void weir_write(struct weir_context *ctx, const void *data, size_t len)
{
    if (ctx->write_to == NULL) {
        value_fail(ctx, ERR_STATE, "weir_write called outside a serde's write");
        return;
    }
    buf_append(ctx->write_to, data, len);
}
