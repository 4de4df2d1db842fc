#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "serde/avro_internal.h"
#include "serde/avro_schema.h"

/* Inlined references may nest deeper than one document can. */
#define AVRO_PRINT_DEPTH_MAX 1000

struct avro_printer {
    struct buf *b;
    const struct avro_schema
        *document;     /* types that it does not define go by name; NULL = none do */
    const char *space; /* the enclosing namespace */
    json_t *seen;      /* full names already written out */
    bool normalized;
    unsigned depth;
};

static void avro_print_type(struct avro_printer *p, const struct avro_type *type);

static void avro_print_text(struct avro_printer *p, const char *text)
{
    json_write_text(p->b, text, strlen(text));
}

/* ,"key":"text" unless the text is NULL */
static void avro_print_attribute(struct avro_printer *p, const char *key, const char *text)
{
    if (text != NULL) {
        buf_printf(p->b, ",\"%s\":", key);
        avro_print_text(p, text);
    }
}

static void avro_print_doc(struct avro_printer *p, const char *doc)
{
    if (!p->normalized || (doc != NULL && *doc != '\0')) {
        avro_print_attribute(p, "doc", doc);
    }
}

static bool avro_print_same_space(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void avro_print_name(struct avro_printer *p, const struct avro_type *type)
{
    avro_print_attribute(p, "name", type->name);
    if (!avro_print_same_space(type->space, p->space) && (type->space != NULL || !p->normalized)) {
        avro_print_attribute(p, "namespace", type->space != NULL ? type->space : "");
    }
}

static int avro_print_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A copy of the texts, sorted when normalizing; mem_free. */
static const char **avro_print_sorted(const struct avro_printer *p, const char *const *items,
                                      size_t count)
{
    const char **copy = mem_alloc(count * sizeof *copy);
    if (copy == NULL) {
        p->b->failed = true;
        return NULL;
    }
    memcpy(copy, items, count * sizeof *copy);
    if (p->normalized) {
        qsort(copy, count, sizeof *copy, avro_print_compare);
    }
    return copy;
}

/* An alias in the type's own namespace is written short. */
static const char *avro_print_short(const char *alias, const char *space)
{
    const char *dot = strrchr(alias, '.');
    if (dot == NULL || space == NULL) {
        return alias;
    }
    size_t len = (size_t)(dot - alias);
    return strlen(space) == len && memcmp(alias, space, len) == 0 ? dot + 1 : alias;
}

static void avro_print_aliases(struct avro_printer *p, const struct avro_names *aliases,
                               const char *space)
{
    if (aliases->count == 0) {
        return;
    }
    const char **items = avro_print_sorted(p, aliases->items, aliases->count);
    if (items == NULL) {
        return;
    }
    buf_append_text(p->b, ",\"aliases\":[");
    for (size_t i = 0; i < aliases->count; i++) {
        if (i > 0) {
            buf_append_char(p->b, ',');
        }
        avro_print_text(p, avro_print_short(items[i], space));
    }
    buf_append_char(p->b, ']');
    mem_free(items);
}

static void avro_print_props(struct avro_printer *p, const json_t *props)
{
    size_t count = props != NULL ? json_object_size(props) : 0;
    if (count == 0) {
        return;
    }
    const char **keys = mem_alloc(count * sizeof *keys);
    if (keys == NULL) {
        p->b->failed = true;
        return;
    }
    json_t *object = (json_t *)(uintptr_t)props; /* iterated only */
    size_t n = 0;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        keys[n++] = json_object_iter_key(at);
    }
    if (p->normalized) {
        qsort(keys, n, sizeof *keys, avro_print_compare);
    }
    for (size_t i = 0; i < n; i++) {
        buf_append_char(p->b, ',');
        avro_print_text(p, keys[i]);
        buf_append_char(p->b, ':');
        json_write(p->b, json_object_get(props, keys[i]));
    }
    mem_free(keys);
}

static const struct avro_type *avro_print_fitting_branch(const struct avro_type *type,
                                                         const json_t *value)
{
    for (size_t i = 0; type->kind == AVRO_KIND_UNION && i < type->branch_count; i++) {
        if (avro_schema_default_fits(type->branches[i], value)) {
            return type->branches[i];
        }
    }
    return type;
}

static void avro_print_default(struct avro_printer *p, const struct avro_type *type,
                               const json_t *value);

/* NOLINTNEXTLINE(misc-no-recursion): descends with the value, whose depth is bounded. */
static void avro_print_default_object(struct avro_printer *p, const struct avro_type *type,
                                      const json_t *value)
{
    json_t *object = (json_t *)(uintptr_t)value; /* iterated only */
    bool first = true;
    buf_append_char(p->b, '{');
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        if (!first) {
            buf_append_char(p->b, ',');
        }
        first = false;
        const char *key = json_object_iter_key(at);
        avro_print_text(p, key);
        buf_append_char(p->b, ':');
        const struct avro_type *inner = type->items;
        if (type->kind == AVRO_KIND_RECORD) {
            const struct avro_field *field = avro_schema_field(type, key);
            inner = field != NULL ? field->type : NULL;
        }
        if (inner != NULL) {
            avro_print_default(p, inner, json_object_iter_value(at));
        } else {
            json_write(p->b, json_object_iter_value(at));
        }
    }
    buf_append_char(p->b, '}');
}

/* Numbers in the form of their type. NOLINTNEXTLINE(misc-no-recursion): with the value's depth. */
static void avro_print_default(struct avro_printer *p, const struct avro_type *type,
                               const json_t *value)
{
    type = avro_print_fitting_branch(type, value);
    bool floating = type->kind == AVRO_KIND_FLOAT || type->kind == AVRO_KIND_DOUBLE;
    bool container = type->kind == AVRO_KIND_RECORD || type->kind == AVRO_KIND_MAP;
    if (floating && json_is_integer(value)) {
        json_write_double(p->b, (double)json_integer_value(value));
    } else if (container && json_is_object(value)) {
        avro_print_default_object(p, type, value);
    } else if (type->kind == AVRO_KIND_ARRAY && json_is_array(value)) {
        buf_append_char(p->b, '[');
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i > 0) {
                buf_append_char(p->b, ',');
            }
            avro_print_default(p, type->items, json_array_get(value, i));
        }
        buf_append_char(p->b, ']');
    } else {
        json_write(p->b, value);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): named types are written out once; depth is counted. */
static void avro_print_field(struct avro_printer *p, const struct avro_field *field)
{
    static const char *const orders[] = {NULL, "descending", "ignore"};
    buf_append_text(p->b, "{\"name\":");
    avro_print_text(p, field->name);
    buf_append_text(p->b, ",\"type\":");
    avro_print_type(p, field->type);
    avro_print_doc(p, field->doc);
    if (field->default_json != NULL) {
        buf_append_text(p->b, ",\"default\":");
        if (p->normalized) {
            avro_print_default(p, field->type, field->default_json);
        } else {
            json_write(p->b, field->default_json);
        }
    }
    avro_print_attribute(p, "order", orders[field->order]);
    avro_print_aliases(p, &field->aliases, NULL);
    avro_print_props(p, field->props);
    buf_append_char(p->b, '}');
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_print_field. */
static void avro_print_record(struct avro_printer *p, const struct avro_type *type)
{
    buf_printf(p->b, "{\"type\":\"%s\"", type->is_error && !p->normalized ? "error" : "record");
    avro_print_name(p, type);
    const char *outer = p->space;
    p->space = type->space;
    avro_print_doc(p, type->doc);
    buf_append_text(p->b, ",\"fields\":[");
    for (size_t i = 0; i < type->field_count; i++) {
        if (i > 0) {
            buf_append_char(p->b, ',');
        }
        avro_print_field(p, &type->fields[i]);
    }
    buf_append_char(p->b, ']');
    avro_print_props(p, type->props);
    avro_print_aliases(p, &type->aliases, type->space);
    buf_append_char(p->b, '}');
    p->space = outer;
}

static void avro_print_enum(struct avro_printer *p, const struct avro_type *type)
{
    buf_append_text(p->b, "{\"type\":\"enum\"");
    avro_print_name(p, type);
    avro_print_doc(p, type->doc);
    buf_append_text(p->b, ",\"symbols\":[");
    for (size_t i = 0; i < type->symbols.count; i++) {
        if (i > 0) {
            buf_append_char(p->b, ',');
        }
        avro_print_text(p, type->symbols.items[i]);
    }
    buf_append_char(p->b, ']');
    avro_print_attribute(p, "default", type->enum_default);
    avro_print_props(p, type->props);
    avro_print_aliases(p, &type->aliases, type->space);
    buf_append_char(p->b, '}');
}

static void avro_print_fixed(struct avro_printer *p, const struct avro_type *type)
{
    buf_append_text(p->b, "{\"type\":\"fixed\"");
    avro_print_name(p, type);
    avro_print_doc(p, type->doc);
    buf_printf(p->b, ",\"size\":%zu", type->size);
    avro_print_props(p, type->props);
    avro_print_aliases(p, &type->aliases, type->space);
    buf_append_char(p->b, '}');
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_print_field. */
static void avro_print_unnamed(struct avro_printer *p, const struct avro_type *type)
{
    if (type->kind == AVRO_KIND_UNION) {
        buf_append_char(p->b, '[');
        for (size_t i = 0; i < type->branch_count; i++) {
            if (i > 0) {
                buf_append_char(p->b, ',');
            }
            avro_print_type(p, type->branches[i]);
        }
        buf_append_char(p->b, ']');
        return;
    }
    const char *word = avro_schema_word(type->kind);
    if (type->items == NULL && type->props == NULL) {
        buf_printf(p->b, "\"%s\"", word);
        return;
    }
    buf_printf(p->b, "{\"type\":\"%s\"", word);
    if (type->items != NULL) {
        buf_printf(p->b, ",\"%s\":", type->kind == AVRO_KIND_ARRAY ? "items" : "values");
        avro_print_type(p, type->items);
    }
    avro_print_props(p, type->props);
    buf_append_char(p->b, '}');
}

/* Whether a named type has to go by its name here; otherwise it counts as written out. */
static bool avro_print_by_name(struct avro_printer *p, const struct avro_type *type)
{
    bool foreign =
        p->document != NULL && json_object_get(p->document->names, type->full_name) == NULL;
    if (foreign || json_object_get(p->seen, type->full_name) != NULL) {
        return true;
    }
    if (json_object_set_new(p->seen, type->full_name, json_true()) != 0) {
        p->b->failed = true;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_print_field. */
static void avro_print_type(struct avro_printer *p, const struct avro_type *type)
{
    if (p->depth == AVRO_PRINT_DEPTH_MAX) {
        p->b->failed = true;
    }
    if (buf_failed(p->b)) {
        return;
    }
    p->depth++;
    if (!avro_schema_is_named(type)) {
        avro_print_unnamed(p, type);
    } else if (avro_print_by_name(p, type)) {
        bool here = type->space == NULL || avro_print_same_space(type->space, p->space);
        avro_print_text(p, here ? type->name : type->full_name);
    } else if (type->kind == AVRO_KIND_RECORD) {
        avro_print_record(p, type);
    } else if (type->kind == AVRO_KIND_ENUM) {
        avro_print_enum(p, type);
    } else {
        avro_print_fixed(p, type);
    }
    p->depth--;
}

static void avro_print_run(const struct avro_type *type, const struct avro_schema *document,
                           bool normalized, struct buf *b)
{
    struct avro_printer p = {
        .b = b, .document = document, .seen = json_object(), .normalized = normalized};
    if (p.seen == NULL) {
        b->failed = true;
        return;
    }
    avro_print_type(&p, type);
    json_decref(p.seen);
}

void avro_schema_write_canonical(const struct avro_schema *s, struct buf *b)
{
    avro_print_run(s->root, s, false, b);
}

void avro_schema_write_normalized(const struct avro_schema *s, struct buf *b)
{
    avro_print_run(s->root, s, true, b);
}

void avro_schema_write_type(const struct avro_type *type, struct buf *b)
{
    avro_print_run(type, NULL, false, b);
}

void avro_schema_write_resolved(const struct avro_schema *s, struct buf *b)
{
    avro_print_run(s->root, NULL, false, b);
}
