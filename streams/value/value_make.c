/* Making values, and printing them as text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streams/value/value.h"

/* Nesting of what a value prints; deeper ones are cut, with an ellipsis. */
#define VALUE_PRINT_DEPTH_MAX 32
#define VALUE_PRINT_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct weir_value *value_alloc(struct weir_context *ctx, enum weir_kind kind)
{
    struct weir_value *v = arena_alloc(ctx->arena, sizeof *v);
    if (v == NULL) {
        value_fail(ctx, ERR_LIMIT, "the record's values need too much memory");
        return NULL;
    }
    v->kind = kind;
    return v;
}

const struct weir_value *weir_make_bool(struct weir_context *ctx, bool v)
{
    struct weir_value *made = value_alloc(ctx, WEIR_KIND_BOOL);
    if (made != NULL) {
        made->u.boolean = v;
    }
    return made;
}

static const struct weir_value *value_make_integer(struct weir_context *ctx, enum weir_kind kind,
                                                   int64_t v)
{
    struct weir_value *made = value_alloc(ctx, kind);
    if (made != NULL) {
        made->u.integer = v;
    }
    return made;
}

const struct weir_value *weir_make_int(struct weir_context *ctx, int32_t v)
{
    return value_make_integer(ctx, WEIR_KIND_INT, v);
}

const struct weir_value *weir_make_long(struct weir_context *ctx, int64_t v)
{
    return value_make_integer(ctx, WEIR_KIND_LONG, v);
}

const struct weir_value *weir_make_double(struct weir_context *ctx, double v)
{
    struct weir_value *made = value_alloc(ctx, WEIR_KIND_DOUBLE);
    if (made != NULL) {
        made->u.real = v;
    }
    return made;
}

static const struct weir_value *value_make_run(struct weir_context *ctx, enum weir_kind kind,
                                               const void *data, size_t len)
{
    struct weir_value *made = value_alloc(ctx, kind);
    if (made == NULL) {
        return NULL;
    }
    void *copy = arena_dup(ctx->arena, data, len);
    if (copy == NULL) {
        value_fail(ctx, ERR_LIMIT, "the record's values need too much memory");
        return NULL;
    }
    made->u.bytes = bytes_of(copy, len);
    return made;
}

const struct weir_value *weir_make_string(struct weir_context *ctx, const char *text)
{
    return value_make_run(ctx, WEIR_KIND_STRING, text, strlen(text));
}

const struct weir_value *weir_make_text(struct weir_context *ctx, struct weir_text text)
{
    return value_make_run(ctx, WEIR_KIND_STRING, text.data, text.len);
}

const struct weir_value *weir_make_bytes(struct weir_context *ctx, struct weir_bytes b)
{
    return value_make_run(ctx, WEIR_KIND_BYTES, b.data, b.len);
}

const struct weir_value *weir_make_object(struct weir_context *ctx, void *object)
{
    struct weir_value *made = value_alloc(ctx, WEIR_KIND_OBJECT);
    if (made != NULL) {
        made->u.object = object;
    }
    return made;
}

const struct weir_value *weir_make_windowed(struct weir_context *ctx, const struct weir_value *key,
                                            int64_t start_ms, int64_t end_ms)
{
    struct weir_value *made = value_alloc(ctx, WEIR_KIND_WINDOWED);
    if (made != NULL) {
        made->u.window.key = key;
        made->u.window.start_ms = start_ms;
        made->u.window.end_ms = end_ms;
    }
    return made;
}

void weir_set(struct weir_context *ctx, struct weir_value *record, const char *name,
              const struct weir_value *value)
{
    if (record == NULL || !record->open) {
        value_fail(ctx, ERR_STATE, "field %s set in what weir_make_record did not give", name);
        return;
    }
    size_t len = strlen(name);
    for (size_t i = 0; i < record->u.list.count; i++) {
        if (record->u.list.names[i].len == len &&
            memcmp(record->u.list.names[i].data, name, len) == 0) {
            record->u.list.items[i] = value != NULL ? *value : (struct weir_value){0};
            return;
        }
    }
    value_fail(ctx, ERR_INVALID, "the schema has no field %s", name);
}

static void value_print_quoted(struct bytes text, struct buf *out)
{
    buf_append_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (c == '"' || c == '\\') {
            buf_append_char(out, '\\');
            buf_append_char(out, c);
        } else if (c == '\n') {
            buf_append_text(out, "\\n");
        } else if (c == '\r') {
            buf_append_text(out, "\\r");
        } else if (c == '\t') {
            buf_append_text(out, "\\t");
        } else if ((unsigned char)c < 0x20) {
            buf_printf(out, "\\u%04X", (unsigned)c);
        } else {
            buf_append_char(out, c);
        }
    }
    buf_append_char(out, '"');
}

/* The shortest text that reads back as the same number, always with a point or an exponent. */
static void value_print_real(double d, bool single, struct buf *out)
{
    char text[40];
    int digits = single ? 6 : 15;
    int most = single ? 9 : 17;
    for (; digits <= most; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, d); /* fits: 17 digits and an exponent */
        double back = strtod(text, NULL);
        if (single ? (float)back >= (float)d && (float)back <= (float)d : back >= d && back <= d) {
            break;
        }
    }
    buf_append_text(out, text);
    if (strpbrk(text, ".eni") == NULL) {
        buf_append_text(out, ".0");
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by VALUE_PRINT_DEPTH_MAX */
static void value_print_list(const struct weir_value *v, struct buf *out, int depth)
{
    bool array = v->kind == WEIR_KIND_ARRAY;
    buf_append_char(out, array ? '[' : '{');
    for (size_t i = 0; i < v->u.list.count; i++) {
        if (i > 0) {
            buf_append_text(out, ", ");
        }
        if (!array) {
            value_print_quoted(v->u.list.names[i], out);
            buf_append_text(out, ": ");
        }
        const struct weir_value *item = &v->u.list.items[i];
        if (item->kind == WEIR_KIND_STRING) {
            value_print_quoted(item->u.bytes, out);
        } else {
            value_print(item, out, depth + 1);
        }
    }
    buf_append_char(out, array ? ']' : '}');
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by VALUE_PRINT_DEPTH_MAX */
void value_print(const struct weir_value *v, struct buf *out, int depth)
{
    if (depth > VALUE_PRINT_DEPTH_MAX) {
        buf_append_text(out, "...");
        return;
    }
    switch (weir_kind(v)) {
    case WEIR_KIND_NULL:
        buf_append_text(out, "null");
        break;
    case WEIR_KIND_BOOL:
        buf_append_text(out, v->u.boolean ? "true" : "false");
        break;
    case WEIR_KIND_INT:
    case WEIR_KIND_LONG:
        buf_printf(out, "%" PRId64, v->u.integer);
        break;
    case WEIR_KIND_FLOAT:
    case WEIR_KIND_DOUBLE:
        value_print_real(v->u.real, v->kind == WEIR_KIND_FLOAT, out);
        break;
    case WEIR_KIND_STRING:
        buf_append_bytes(out, v->u.bytes);
        break;
    case WEIR_KIND_BYTES:
        value_print_quoted(v->u.bytes, out);
        break;
    case WEIR_KIND_RECORD:
    case WEIR_KIND_ARRAY:
    case WEIR_KIND_MAP:
        value_print_list(v, out, depth);
        break;
    case WEIR_KIND_WINDOWED:
        buf_append_char(out, '[');
        value_print(v->u.window.key, out, depth + 1);
        buf_printf(out, "@%" PRId64 "/%" PRId64 "]", v->u.window.start_ms, v->u.window.end_ms);
        break;
    case WEIR_KIND_OBJECT:
        buf_append_text(out, "(object)");
        break;
    }
}

const struct weir_value *weir_make_printed(struct weir_context *ctx, const struct weir_value *value)
{
    if (value == NULL) {
        return NULL;
    }
    struct buf out;
    buf_init(&out, VALUE_PRINT_BYTES_MAX);
    value_print(value, &out, 0);
    const struct weir_value *made = NULL;
    if (buf_failed(&out)) {
        value_fail(ctx, ERR_LIMIT, "a value is too long to print");
    } else {
        made = value_make_run(ctx, WEIR_KIND_STRING, out.len > 0 ? (const void *)out.data : "",
                              out.len);
    }
    buf_deinit(&out);
    return made;
}
