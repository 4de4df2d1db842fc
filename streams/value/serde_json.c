/* JSON documents as values: objects are maps, numbers are long or double. */
#include <string.h>

#include <jansson.h>

#include "streams/value/stream_serde.h"

/* jansson's own parser stops at 2048; values of ours stop here. */
#define SERDE_JSON_DEPTH_MAX 200

static bool json_to_value(struct weir_context *ctx, const json_t *j, struct weir_value *out,
                          int depth);

static bool json_run_to_value(struct weir_context *ctx, const char *text, size_t len,
                              struct bytes *out)
{
    const void *copy = arena_dup(ctx->arena, text, len);
    *out = bytes_of(copy, len);
    if (copy == NULL) {
        value_fail(ctx, ERR_LIMIT, "the record's values need too much memory");
    }
    return copy != NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by SERDE_JSON_DEPTH_MAX */
static bool json_list_to_value(struct weir_context *ctx, const json_t *j, struct weir_value *out,
                               int depth)
{
    bool object = json_is_object(j);
    size_t count = object ? json_object_size(j) : json_array_size(j);
    out->kind = object ? WEIR_KIND_MAP : WEIR_KIND_ARRAY;
    out->u.list.count = count;
    out->u.list.items = arena_alloc_array(ctx->arena, count + 1, sizeof *out);
    struct bytes *names = object ? arena_alloc_array(ctx->arena, count + 1, sizeof *names) : NULL;
    out->u.list.names = names;
    if (out->u.list.items == NULL || (object && names == NULL)) {
        value_fail(ctx, ERR_LIMIT, "the record's values need too much memory");
        return false;
    }
    if (!object) {
        for (size_t i = 0; i < count; i++) {
            if (!json_to_value(ctx, json_array_get(j, i), &out->u.list.items[i], depth + 1)) {
                return false;
            }
        }
        return true;
    }
    /* jansson's iterator takes no const; it changes nothing. */
    json_t *o = (json_t *)(uintptr_t)j;
    size_t i = 0;
    for (void *it = json_object_iter(o); it != NULL && i < count;
         it = json_object_iter_next(o, it), i++) {
        const char *name = json_object_iter_key(it);
        if (!json_run_to_value(ctx, name, strlen(name), &names[i]) ||
            !json_to_value(ctx, json_object_iter_value(it), &out->u.list.items[i], depth + 1)) {
            return false;
        }
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by SERDE_JSON_DEPTH_MAX */
static bool json_to_value(struct weir_context *ctx, const json_t *j, struct weir_value *out,
                          int depth)
{
    if (depth > SERDE_JSON_DEPTH_MAX) {
        value_fail(ctx, ERR_LIMIT, "the JSON is nested too deeply");
        return false;
    }
    switch (json_typeof(j)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return json_list_to_value(ctx, j, out, depth);
    case JSON_STRING:
        out->kind = WEIR_KIND_STRING;
        return json_run_to_value(ctx, json_string_value(j), json_string_length(j), &out->u.bytes);
    case JSON_INTEGER:
        out->kind = WEIR_KIND_LONG;
        out->u.integer = json_integer_value(j);
        break;
    case JSON_REAL:
        out->kind = WEIR_KIND_DOUBLE;
        out->u.real = json_real_value(j);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        out->kind = WEIR_KIND_BOOL;
        out->u.boolean = json_is_true(j);
        break;
    case JSON_NULL:
        out->kind = WEIR_KIND_NULL;
        break;
    }
    return true;
}

static const struct weir_value *serde_json_read(const struct weir_serde *s,
                                                struct weir_context *ctx, struct bytes in)
{
    json_error_t why;
    json_t *j = json_loadb((const char *)in.data, in.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (j == NULL) {
        value_fail(ctx, ERR_PARSE, "not JSON: %s at byte %d", why.text, why.position);
        return NULL;
    }
    struct weir_value *v = value_alloc(ctx, WEIR_KIND_NULL);
    bool ok = v != NULL && json_to_value(ctx, j, v, 0);
    json_decref(j);
    if (!ok) {
        return NULL;
    }
    v->raw = in;
    v->raw_serde = s;
    return v;
}

static json_t *json_of_value(struct weir_context *ctx, const struct weir_value *v, int depth);

/* NOLINTNEXTLINE(misc-no-recursion): bounded by SERDE_JSON_DEPTH_MAX */
static json_t *json_of_list(struct weir_context *ctx, const struct weir_value *v, int depth)
{
    bool array = v->kind == WEIR_KIND_ARRAY;
    json_t *list = array ? json_array() : json_object();
    for (size_t i = 0; list != NULL && i < v->u.list.count; i++) {
        json_t *item = json_of_value(ctx, &v->u.list.items[i], depth + 1);
        int failed = -1;
        if (array) {
            failed = json_array_append_new(list, item);
        } else {
            char *name = arena_strndup(ctx->arena, (const char *)v->u.list.names[i].data,
                                       v->u.list.names[i].len);
            failed = name != NULL ? json_object_set_new(list, name, item) : -1;
        }
        if (failed != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by SERDE_JSON_DEPTH_MAX */
static json_t *json_of_value(struct weir_context *ctx, const struct weir_value *v, int depth)
{
    if (depth > SERDE_JSON_DEPTH_MAX) {
        return NULL;
    }
    switch (v->kind) {
    case WEIR_KIND_NULL:
        return json_null();
    case WEIR_KIND_BOOL:
        return json_boolean(v->u.boolean);
    case WEIR_KIND_INT:
    case WEIR_KIND_LONG:
        return json_integer(v->u.integer);
    case WEIR_KIND_FLOAT:
    case WEIR_KIND_DOUBLE:
        return json_real(v->u.real);
    case WEIR_KIND_STRING:
        return json_stringn((const char *)v->u.bytes.data, v->u.bytes.len);
    case WEIR_KIND_RECORD:
    case WEIR_KIND_ARRAY:
    case WEIR_KIND_MAP:
        return json_of_list(ctx, v, depth);
    case WEIR_KIND_BYTES:
    case WEIR_KIND_WINDOWED:
    case WEIR_KIND_OBJECT:
        break;
    }
    return NULL;
}

static int serde_json_append(const char *text, size_t len, void *out)
{
    buf_append(out, text, len);
    return buf_failed(out) ? -1 : 0;
}

static void serde_json_write(const struct weir_serde *s, struct weir_context *ctx,
                             const struct weir_value *v, struct serde_target target,
                             struct buf *out)
{
    (void)s;
    (void)target;
    json_t *j = json_of_value(ctx, v, 0);
    if (j == NULL ||
        json_dump_callback(j, serde_json_append, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        value_fail(ctx, ERR_INVALID, "a value of type %s cannot be written as JSON",
                   value_kind_name(v->kind));
    }
    json_decref(j);
}

const struct weir_serde *weir_serde_json(void)
{
    static const struct weir_serde serde = {
        .name = "json", .read = serde_json_read, .write = serde_json_write, .position_free = true};
    return &serde;
}
