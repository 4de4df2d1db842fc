#include <math.h>
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
    const struct avro_schema *document; /* whose references go by name; NULL = none do */
    const char *space;                  /* the enclosing namespace */
    json_t *seen;                       /* full names already written out */
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

/* Of a type: normalized, an empty one goes. */
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

/* A name like a type word would be taken for it. */
static bool avro_print_is_word(const char *name)
{
    for (int kind = 0; kind <= AVRO_KIND_NULL; kind++) {
        if (strcmp(avro_schema_word((enum avro_kind)kind), name) == 0) {
            return true;
        }
    }
    return false;
}

/* An alias in the type's own namespace is written short. */
static const char *avro_print_short(const char *alias, const char *space)
{
    const char *dot = strrchr(alias, '.');
    if (dot == NULL || space == NULL || avro_print_is_word(dot + 1)) {
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

/* The keys of an object, sorted when normalizing; mem_free. */
static const char **avro_print_keys(const struct avro_printer *p, const json_t *json)
{
    const char **keys = mem_alloc((json_object_size(json) + 1) * sizeof *keys);
    if (keys == NULL) {
        p->b->failed = true;
        return NULL;
    }
    json_t *object = (json_t *)(uintptr_t)json; /* iterated only */
    size_t n = 0;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        keys[n++] = json_object_iter_key(at);
    }
    if (p->normalized) {
        qsort(keys, n, sizeof *keys, avro_print_compare);
    }
    return keys;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the value, whose depth is bounded. */
static void avro_print_json(struct avro_printer *p, const json_t *json)
{
    if (!p->normalized || !(json_is_object(json) || json_is_array(json))) {
        json_write(p->b, json);
        return;
    }
    bool object = json_is_object(json);
    const char **keys = object ? avro_print_keys(p, json) : NULL;
    size_t count = object ? json_object_size(json) : json_array_size(json);
    buf_append_char(p->b, object ? '{' : '[');
    for (size_t i = 0; i < count && !buf_failed(p->b); i++) {
        if (i > 0) {
            buf_append_char(p->b, ',');
        }
        if (object) {
            avro_print_text(p, keys[i]);
            buf_append_char(p->b, ':');
        }
        avro_print_json(p, object ? json_object_get(json, keys[i]) : json_array_get(json, i));
    }
    buf_append_char(p->b, object ? '}' : ']');
    mem_free(keys);
}

static void avro_print_prop(struct avro_printer *p, const json_t *props, const char *key)
{
    buf_append_char(p->b, ',');
    avro_print_text(p, key);
    buf_append_char(p->b, ':');
    avro_print_json(p, json_object_get(props, key));
}

/* Whether a normalized text has the attribute in front of the others: a logical type that holds,
 * and what a decimal says of itself. */
static bool avro_print_is_logical(const char *logical, const json_t *props, const char *key)
{
    if (logical == NULL || strcmp(key, "logicalType") == 0) {
        return logical != NULL;
    }
    bool decimal = strcmp(logical, AVRO_LOGICAL_DECIMAL) == 0;
    return decimal &&
           (strcmp(key, "precision") == 0 ||
            (strcmp(key, "scale") == 0 && json_integer_value(json_object_get(props, key)) != 0));
}

/* logical: the logical type that holds for these attributes, or NULL. */
static void avro_print_props(struct avro_printer *p, const json_t *props, const char *logical)
{
    size_t count = props != NULL ? json_object_size(props) : 0;
    const char **keys = count > 0 ? avro_print_keys(p, props) : NULL;
    if (keys == NULL) {
        return;
    }
    logical = p->normalized ? logical : NULL;
    for (int front = 1; front >= 0; front--) {
        for (size_t i = 0; i < count; i++) {
            if (avro_print_is_logical(logical, props, keys[i]) == (front == 1)) {
                avro_print_prop(p, props, keys[i]);
            }
        }
    }
    mem_free(keys);
}

static void avro_print_type_props(struct avro_printer *p, const struct avro_type *type)
{
    avro_print_props(p, type->props, avro_logical_name(type));
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
    const char **keys = avro_print_keys(p, value);
    buf_append_char(p->b, '{');
    for (size_t i = 0; keys != NULL && i < json_object_size(value); i++) {
        if (i > 0) {
            buf_append_char(p->b, ',');
        }
        avro_print_text(p, keys[i]);
        buf_append_char(p->b, ':');
        const struct avro_type *inner = type->items;
        if (type->kind == AVRO_KIND_RECORD) {
            const struct avro_field *field = avro_schema_field(type, keys[i]);
            inner = field != NULL ? field->type : NULL;
        }
        if (inner != NULL) {
            avro_print_default(p, inner, json_object_get(value, keys[i]));
        } else {
            avro_print_json(p, json_object_get(value, keys[i]));
        }
    }
    buf_append_char(p->b, '}');
    mem_free(keys);
}

static void avro_print_float(struct avro_printer *p, const struct avro_type *type, double v)
{
    bool single = type->kind == AVRO_KIND_FLOAT;
    bool finite = isfinite(single ? (double)(float)v : v); /* else it is a text, as JSON needs it */
    buf_append_text(p->b, finite ? "" : "\"");
    if (single) {
        json_write_float(p->b, (float)v);
    } else {
        json_write_double(p->b, v);
    }
    buf_append_text(p->b, finite ? "" : "\"");
}

/* Numbers in the form of their type. NOLINTNEXTLINE(misc-no-recursion): with the value's depth. */
static void avro_print_default(struct avro_printer *p, const struct avro_type *type,
                               const json_t *value)
{
    type = avro_print_fitting_branch(type, value);
    bool floating = type->kind == AVRO_KIND_FLOAT || type->kind == AVRO_KIND_DOUBLE;
    bool container = type->kind == AVRO_KIND_RECORD || type->kind == AVRO_KIND_MAP;
    if (floating && json_is_number(value)) {
        avro_print_float(p, type, json_number_value(value));
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
        avro_print_json(p, value);
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
    avro_print_attribute(p, "doc", field->doc);
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
    avro_print_props(p, field->props, NULL);
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
    avro_print_type_props(p, type);
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
    avro_print_type_props(p, type);
    avro_print_aliases(p, &type->aliases, type->space);
    buf_append_char(p->b, '}');
}

static void avro_print_fixed(struct avro_printer *p, const struct avro_type *type)
{
    buf_append_text(p->b, "{\"type\":\"fixed\"");
    avro_print_name(p, type);
    avro_print_doc(p, type->doc);
    buf_printf(p->b, ",\"size\":%zu", type->size);
    avro_print_type_props(p, type);
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
    avro_print_type_props(p, type);
    buf_append_char(p->b, '}');
}

/* Whether that is the name of a whole referenced schema. What else such a schema defines is not
 * known by name to who reads the text, and is written out at its first use. */
/* NOLINTNEXTLINE(misc-no-recursion): references form a tree that was built leaf first. */
static bool avro_print_is_reference(const struct avro_schema *s, const char *full_name)
{
    for (size_t i = 0; s != NULL && i < s->reference_count; i++) {
        const struct avro_type *root = s->references[i]->root;
        if ((root->full_name != NULL && strcmp(root->full_name, full_name) == 0) ||
            avro_print_is_reference(s->references[i], full_name)) {
            return true;
        }
    }
    return false;
}

/* Whether a named type has to go by its name here; otherwise it counts as written out. */
static bool avro_print_by_name(struct avro_printer *p, const struct avro_type *type)
{
    if (avro_print_is_reference(p->document, type->full_name) ||
        json_object_get(p->seen, type->full_name) != NULL) {
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
        bool here = type->space == NULL || (avro_print_same_space(type->space, p->space) &&
                                            !avro_print_is_word(type->name));
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
