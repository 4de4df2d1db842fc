#include <string.h>

#include "common/arena.h"
#include "serde/avro_datum.h"
#include "serde/avro_internal.h"

struct avro_datum_json {
    struct arena *arena;
    bool unwrapped; /* unions stand as in a default */
    size_t depth;   /* defaults may fill each other without end */
    struct err *e;
};

static enum err_code avro_datum_json_read(struct avro_datum_json *in, const struct avro_type *type,
                                          const json_t *json, struct avro_datum *d);

static enum err_code avro_datum_json_nomem(struct avro_datum_json *in)
{
    return err_set(in->e, ERR_LIMIT, "Avro value needs more than %zu bytes of memory",
                   in->arena->limit_bytes);
}

static enum err_code avro_datum_json_misfit(struct avro_datum_json *in,
                                            const struct avro_type *type)
{
    return err_set(in->e, ERR_INVALID, "value does not fit type \"%s\"",
                   avro_schema_branch_name(type));
}

/* Characters U+0000 to U+00FF as bytes. */
static enum err_code avro_datum_json_latin(struct avro_datum_json *in, const struct avro_type *type,
                                           const json_t *json, struct avro_datum *d)
{
    const unsigned char *text = (const unsigned char *)json_string_value(json);
    if (text == NULL) {
        return avro_datum_json_misfit(in, type);
    }
    size_t len = json_string_length(json);
    uint8_t *raw = arena_alloc(in->arena, len);
    if (raw == NULL) {
        return avro_datum_json_nomem(in);
    }
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x80) {
            raw[n++] = text[i];
        } else if (text[i] <= 0xc3 && i + 1 < len) { /* two bytes of UTF-8: U+0080 to U+00FF */
            raw[n++] = (uint8_t)((text[i] & 3U) << 6 | (text[i + 1] & 0x3fU));
            i++;
        } else {
            return err_set(in->e, ERR_INVALID, "bytes hold a character above U+00FF");
        }
    }
    if (type->kind == AVRO_KIND_FIXED && n != type->size) {
        return err_set(in->e, ERR_INVALID, "fixed \"%s\" needs %zu bytes, got %zu", type->full_name,
                       type->size, n);
    }
    d->as.bytes = bytes_of(raw, n);
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_datum_json_list(struct avro_datum_json *in, const struct avro_type *type,
                                          const json_t *json, struct avro_datum *d)
{
    bool map = type->kind == AVRO_KIND_MAP;
    if (map ? !json_is_object(json) : !json_is_array(json)) {
        return avro_datum_json_misfit(in, type);
    }
    size_t count = map ? json_object_size(json) : json_array_size(json);
    d->as.list.items = arena_alloc_array(in->arena, count, sizeof *d->as.list.items);
    d->as.list.keys = map ? arena_alloc_array(in->arena, count, sizeof *d->as.list.keys) : NULL;
    if (arena_failed(in->arena)) {
        return avro_datum_json_nomem(in);
    }
    json_t *object = (json_t *)(uintptr_t)json; /* iterated only */
    void *at = map ? json_object_iter(object) : NULL;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = map ? json_object_iter_value(at) : json_array_get(json, i);
        enum err_code code = avro_datum_json_read(in, type->items, item, &d->as.list.items[i]);
        if (code != ERR_OK) {
            return code;
        }
        if (map) {
            d->as.list.keys[i] = bytes_of_text(json_object_iter_key(at));
            at = json_object_iter_next(object, at);
        }
        d->as.list.count++;
    }
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): as above; a default is a document of its own. */
static enum err_code avro_datum_json_record(struct avro_datum_json *in,
                                            const struct avro_type *type, const json_t *json,
                                            struct avro_datum *d)
{
    if (!json_is_object(json)) {
        return avro_datum_json_misfit(in, type);
    }
    d->as.list.items = arena_alloc_array(in->arena, type->field_count, sizeof *d->as.list.items);
    if (arena_failed(in->arena)) {
        return avro_datum_json_nomem(in);
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const struct avro_field *field = &type->fields[i];
        const json_t *value = json_object_get(json, field->name);
        struct avro_datum_json inner = *in;
        inner.depth++;
        if (value == NULL) {
            value = field->default_json;
            inner.unwrapped = true;
        }
        if (value == NULL) {
            return err_set(in->e, ERR_INVALID, "field \"%s\" is missing and has no default",
                           field->name);
        }
        enum err_code code = avro_datum_json_read(&inner, field->type, value, &d->as.list.items[i]);
        if (code != ERR_OK) {
            return in->e != NULL ? err_wrap(in->e, "field \"%s\"", field->name) : code;
        }
        d->as.list.count++;
    }
    return ERR_OK;
}

/* {"branch": value}, or a value that one branch takes. */
static const json_t *avro_datum_json_wrapped(const struct avro_type *type, const json_t *json,
                                             size_t *out_branch)
{
    if (!json_is_object(json) || json_object_size(json) != 1) {
        return NULL;
    }
    for (size_t i = 0; i < type->branch_count; i++) {
        const json_t *value = json_object_get(json, avro_schema_branch_name(type->branches[i]));
        if (value != NULL) {
            *out_branch = i;
            return value;
        }
    }
    return NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as above. */
static enum err_code avro_datum_json_union(struct avro_datum_json *in, const struct avro_type *type,
                                           const json_t *json, struct avro_datum *d)
{
    d->as.choice.value = arena_alloc(in->arena, sizeof *d->as.choice.value);
    if (d->as.choice.value == NULL) {
        return avro_datum_json_nomem(in);
    }
    size_t branch = 0;
    const json_t *value = in->unwrapped ? NULL : avro_datum_json_wrapped(type, json, &branch);
    if (value != NULL) {
        d->as.choice.branch = branch;
        return avro_datum_json_read(in, type->branches[branch], value, d->as.choice.value);
    }
    struct err *kept = in->e;
    in->e = NULL;
    enum err_code code = ERR_INVALID;
    for (size_t i = 0; i < type->branch_count && code == ERR_INVALID; i++) {
        d->as.choice.branch = i;
        code = avro_datum_json_read(in, type->branches[i], json, d->as.choice.value);
    }
    in->e = kept;
    if (code == ERR_INVALID) {
        return err_set(in->e, ERR_INVALID, "value fits no branch of the union");
    }
    return code == ERR_OK ? ERR_OK : avro_datum_json_nomem(in);
}

static enum err_code avro_datum_json_symbol(struct avro_datum_json *in,
                                            const struct avro_type *type, const json_t *json,
                                            struct avro_datum *d)
{
    const char *text = json_string_value(json);
    for (size_t i = 0; text != NULL && i < type->symbols.count; i++) {
        if (strcmp(type->symbols.items[i], text) == 0) {
            d->as.symbol = i;
            return ERR_OK;
        }
    }
    return avro_datum_json_misfit(in, type);
}

static enum err_code avro_datum_json_number(struct avro_datum_json *in,
                                            const struct avro_type *type, const json_t *json,
                                            struct avro_datum *d)
{
    bool whole = type->kind == AVRO_KIND_INT || type->kind == AVRO_KIND_LONG;
    double real = json_number_value(json);
    bool word = json_is_string(json) && avro_schema_float_word(json_string_value(json), &real);
    if (whole ? !json_is_integer(json) : !json_is_number(json) && !word) {
        return avro_datum_json_misfit(in, type);
    }
    json_int_t v = json_integer_value(json);
    if (type->kind == AVRO_KIND_INT) {
        if (v < INT32_MIN || v > INT32_MAX) {
            return avro_datum_json_misfit(in, type);
        }
        d->as.int_value = (int32_t)v;
    } else if (type->kind == AVRO_KIND_LONG) {
        d->as.long_value = v;
    } else if (type->kind == AVRO_KIND_FLOAT) {
        d->as.float_value = (float)real;
    } else {
        d->as.double_value = real;
    }
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_datum_json_read(struct avro_datum_json *in, const struct avro_type *type,
                                          const json_t *json, struct avro_datum *d)
{
    *d = (struct avro_datum){.type = type};
    if (in->depth > AVRO_SCHEMA_DEPTH_MAX) {
        return err_set(in->e, ERR_LIMIT, "defaults of the schema fill each other without end");
    }
    switch (type->kind) {
    case AVRO_KIND_NULL:
        return json_is_null(json) ? ERR_OK : avro_datum_json_misfit(in, type);
    case AVRO_KIND_BOOLEAN:
        d->as.boolean = json_is_true(json);
        return json_is_boolean(json) ? ERR_OK : avro_datum_json_misfit(in, type);
    case AVRO_KIND_INT:
    case AVRO_KIND_LONG:
    case AVRO_KIND_FLOAT:
    case AVRO_KIND_DOUBLE:
        return avro_datum_json_number(in, type, json, d);
    case AVRO_KIND_STRING:
        d->as.bytes = bytes_of(json_string_value(json), json_string_length(json));
        return json_is_string(json) ? ERR_OK : avro_datum_json_misfit(in, type);
    case AVRO_KIND_BYTES:
    case AVRO_KIND_FIXED:
        return avro_datum_json_latin(in, type, json, d);
    case AVRO_KIND_ENUM:
        return avro_datum_json_symbol(in, type, json, d);
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
        return avro_datum_json_list(in, type, json, d);
    case AVRO_KIND_RECORD:
        return avro_datum_json_record(in, type, json, d);
    case AVRO_KIND_UNION:
        break;
    }
    return avro_datum_json_union(in, type, json, d);
}

enum err_code avro_datum_from_json(const struct avro_type *type, const json_t *json,
                                   struct arena *a, struct avro_datum *out_datum, struct err *e)
{
    struct avro_datum_json in = {.arena = a, .e = e};
    return avro_datum_json_read(&in, type, json, out_datum);
}

enum err_code avro_datum_from_default(const struct avro_type *type, const json_t *json,
                                      struct arena *a, struct avro_datum *out_datum, struct err *e)
{
    struct avro_datum_json in = {.arena = a, .unwrapped = true, .e = e};
    return avro_datum_json_read(&in, type, json, out_datum);
}
