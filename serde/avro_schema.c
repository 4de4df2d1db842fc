#include "serde/avro_schema.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "serde/avro_internal.h"

static const char *const avro_schema_words[] = {
#define AVRO_SCHEMA_WORD(name, word) word,
    AVRO_KINDS(AVRO_SCHEMA_WORD)
#undef AVRO_SCHEMA_WORD
};

const struct avro_type *avro_schema_primitive(enum avro_kind kind)
{
    static const struct avro_type primitives[] = {
#define AVRO_SCHEMA_NODE(name, word) {.kind = AVRO_KIND_##name},
        AVRO_KINDS(AVRO_SCHEMA_NODE)
#undef AVRO_SCHEMA_NODE
    };
    CHECK(kind >= AVRO_KIND_STRING);
    return &primitives[kind];
}

int avro_schema_primitive_kind(const char *word)
{
    for (int kind = AVRO_KIND_STRING; kind <= AVRO_KIND_NULL; kind++) {
        if (strcmp(word, avro_schema_words[kind]) == 0) {
            return kind;
        }
    }
    return -1;
}

struct avro_schema *avro_schema_ref(struct avro_schema *s)
{
    (void)atomic_fetch_add(&s->refs, 1);
    return s;
}

/* NOLINTNEXTLINE(misc-no-recursion): references form a tree that was built leaf first. */
void avro_schema_unref(struct avro_schema *s)
{
    if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < s->reference_count; i++) {
        avro_schema_unref(s->references[i]);
    }
    json_decref(s->json);
    json_decref(s->kept);
    json_decref(s->names);
    mem_free(s->types);
    mem_free(s->text);
    arena_deinit(&s->arena);
    mem_free(s);
}

const struct avro_type *avro_schema_root(const struct avro_schema *s)
{
    return s->root;
}

const char *avro_schema_text(const struct avro_schema *s)
{
    return s->text;
}

const char *avro_schema_word(enum avro_kind kind)
{
    return avro_schema_words[kind];
}

bool avro_schema_is_named(const struct avro_type *type)
{
    return type->kind == AVRO_KIND_RECORD || type->kind == AVRO_KIND_ENUM ||
           type->kind == AVRO_KIND_FIXED;
}

const char *avro_schema_branch_name(const struct avro_type *type)
{
    return avro_schema_is_named(type) ? type->full_name : avro_schema_words[type->kind];
}

const struct avro_field *avro_schema_field(const struct avro_type *record, const char *name)
{
    for (size_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

int avro_schema_branch_of(const struct avro_type *u, enum avro_kind kind)
{
    for (size_t i = 0; i < u->branch_count && i < INT_MAX; i++) {
        if (u->branches[i]->kind == kind) {
            return (int)i;
        }
    }
    return -1;
}

const json_t *avro_schema_prop(const struct avro_type *type, const char *name)
{
    return type->props != NULL ? json_object_get(type->props, name) : NULL;
}

const char *avro_schema_prop_text(const struct avro_type *type, const char *name)
{
    return json_string_value(avro_schema_prop(type, name));
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_schema_unref. */
const struct avro_type *avro_schema_find(const struct avro_schema *s, const char *full_name)
{
    const json_t *index = json_object_get(s->names, full_name);
    if (index != NULL) {
        return s->types[json_integer_value(index)];
    }
    const struct avro_type *found = NULL;
    for (size_t i = 0; i < s->reference_count && found == NULL; i++) {
        found = avro_schema_find(s->references[i], full_name);
    }
    return found;
}

bool avro_schema_float_word(const char *text, double *out)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"NaN", (double)NAN}, {"Infinity", HUGE_VAL}, {"-Infinity", -HUGE_VAL}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i].word) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_schema_default_fits. */
static bool avro_schema_array_fits(const struct avro_type *type, const json_t *value)
{
    bool fits = json_is_array(value);
    for (size_t i = 0; fits && i < json_array_size(value); i++) {
        fits = avro_schema_default_fits(type->items, json_array_get(value, i));
    }
    return fits;
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_schema_default_fits. */
static bool avro_schema_map_fits(const struct avro_type *type, const json_t *value)
{
    bool fits = json_is_object(value);
    json_t *object = (json_t *)(uintptr_t)value; /* iterated only */
    for (void *at = json_object_iter(object); fits && at != NULL;
         at = json_object_iter_next(object, at)) {
        fits = avro_schema_default_fits(type->items, json_object_iter_value(at));
    }
    return fits;
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_schema_default_fits. */
static bool avro_schema_record_fits(const struct avro_type *type, const json_t *value)
{
    bool fits = json_is_object(value);
    for (size_t i = 0; fits && i < type->field_count; i++) {
        const struct avro_field *field = &type->fields[i];
        const json_t *given = json_object_get(value, field->name);
        /* A field's own default has been or will be checked where it stands. */
        fits = given != NULL ? avro_schema_default_fits(field->type, given)
                             : field->default_json != NULL;
    }
    return fits;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the value, whose depth json_decode bounds. */
bool avro_schema_default_fits(const struct avro_type *type, const json_t *value)
{
    switch (type->kind) {
    case AVRO_KIND_STRING:
    case AVRO_KIND_BYTES:
    case AVRO_KIND_ENUM:
    case AVRO_KIND_FIXED:
        return json_is_string(value);
    case AVRO_KIND_INT:
        return json_is_integer(value) && json_integer_value(value) >= INT32_MIN &&
               json_integer_value(value) <= INT32_MAX;
    case AVRO_KIND_LONG:
        return json_is_integer(value);
    case AVRO_KIND_FLOAT:
    case AVRO_KIND_DOUBLE:
        return json_is_number(value);
    case AVRO_KIND_BOOLEAN:
        return json_is_boolean(value);
    case AVRO_KIND_NULL:
        return json_is_null(value);
    case AVRO_KIND_ARRAY:
        return avro_schema_array_fits(type, value);
    case AVRO_KIND_MAP:
        return avro_schema_map_fits(type, value);
    case AVRO_KIND_RECORD:
        return avro_schema_record_fits(type, value);
    case AVRO_KIND_UNION:
        break;
    }
    for (size_t i = 0; i < type->branch_count; i++) {
        if (avro_schema_default_fits(type->branches[i], value)) {
            return true;
        }
    }
    return false;
}
