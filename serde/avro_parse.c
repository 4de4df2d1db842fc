#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/json.h"
#include "common/mem.h"
#include "serde/avro_parse_internal.h"
#include "serde/avro_schema.h"

#define AVRO_PARSE_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define AVRO_PARSE_TYPES_MAX ((size_t)100000)

/* Where a type stands: the enclosing namespace, and the field whose type it is. */
struct avro_place {
    const char *space;
    const char *field;
};

static enum err_code avro_parse_type(struct avro_parser *p, const json_t *json,
                                     struct avro_place place, const struct avro_type **out_type);

void *avro_parse_alloc(struct avro_parser *p, size_t count, size_t size)
{
    return arena_alloc_array(&p->schema->arena, count, size);
}

enum err_code avro_parse_nomem(struct avro_parser *p)
{
    return err_set(p->e, ERR_LIMIT, "schema is too large, or out of memory");
}

/* "<what>: <json>", as Java's messages end. */
static enum err_code avro_parse_fail(struct avro_parser *p, const char *what, const json_t *json)
{
    struct buf b;
    buf_init(&b, AVRO_SCHEMA_BYTES_MAX);
    json_write(&b, json);
    const char *text = buf_text(&b);
    (void)err_set(p->e, ERR_PARSE, "%s: %s", what, text != NULL ? text : "");
    buf_deinit(&b);
    return ERR_PARSE;
}

static const char *avro_parse_text(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static bool avro_parse_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static enum err_code avro_parse_check_name(const struct avro_parser *p, const char *name,
                                           size_t len)
{
    if (!p->strict) {
        return ERR_OK;
    }
    if (len == 0) {
        return err_set(p->e, ERR_PARSE, "Empty name");
    }
    if (!avro_parse_letter(name[0])) {
        return err_set(p->e, ERR_PARSE, "Illegal initial character: %.*s", (int)len, name);
    }
    for (size_t i = 1; i < len; i++) {
        if (!avro_parse_letter(name[i]) && (name[i] < '0' || name[i] > '9')) {
            return err_set(p->e, ERR_PARSE, "Illegal character in: %.*s", (int)len, name);
        }
    }
    return ERR_OK;
}

/* Each part of a namespace is a name. */
static enum err_code avro_parse_check_space(const struct avro_parser *p, const char *space)
{
    for (const char *at = space; at != NULL;) {
        size_t len = strcspn(at, ".");
        if (avro_parse_check_name(p, at, len) != ERR_OK) {
            char why[ERR_TEXT_MAX];
            (void)snprintf(why, sizeof why, "%s", p->e != NULL ? p->e->text : "");
            return err_set(p->e, ERR_PARSE, "Namespace part \"%.*s\" is invalid: %s", (int)len, at,
                           why);
        }
        at = at[len] == '.' ? at + len + 1 : NULL;
    }
    return ERR_OK;
}

const char *avro_parse_join(struct avro_parser *p, const char *space, const char *name)
{
    if (space == NULL) {
        return name;
    }
    size_t size = strlen(space) + strlen(name) + 2;
    char *full = avro_parse_alloc(p, size, 1);
    if (full != NULL) {
        (void)snprintf(full, size, "%s.%s", space, name);
    }
    return full;
}

/* Splits a name at its last dot; without one the given namespace holds. */
static enum err_code avro_parse_name(struct avro_parser *p, const char *name, const char *space,
                                     struct avro_type *type)
{
    const char *dot = strrchr(name, '.');
    if (dot != NULL) {
        space = arena_strndup(&p->schema->arena, name, (size_t)(dot - name));
        name = dot + 1;
    }
    if (space != NULL && *space == '\0') {
        space = NULL;
    }
    enum err_code code = avro_parse_check_name(p, name, strlen(name));
    if (code == ERR_OK) {
        code = avro_parse_check_space(p, space);
    }
    if (code != ERR_OK) {
        return code;
    }
    type->name = name;
    type->space = space;
    type->full_name = avro_parse_join(p, space, name);
    if (type->full_name == NULL || arena_failed(&p->schema->arena)) {
        return avro_parse_nomem(p);
    }
    if (avro_schema_primitive_kind(type->full_name) >= 0) {
        return err_set(p->e, ERR_PARSE, "Schemas may not be named after primitives: %s",
                       type->full_name);
    }
    return ERR_OK;
}

static enum err_code avro_parse_define(struct avro_parser *p, struct avro_type *type)
{
    struct avro_schema *s = p->schema;
    const struct avro_type *known = avro_schema_find(s, type->full_name);
    if (known != NULL) {
        struct avro_again *again = avro_parse_alloc(p, 1, sizeof *again);
        if (again == NULL) {
            return avro_parse_nomem(p);
        }
        *again = (struct avro_again){.next = p->agains, .known = known, .type = type};
        p->agains = again;
        return ERR_OK;
    }
    if (s->type_count == AVRO_PARSE_TYPES_MAX) {
        return avro_parse_nomem(p);
    }
    if ((s->type_count & (s->type_count - 1)) == 0) { /* a power of two: grow */
        size_t capacity = s->type_count > 0 ? s->type_count * 2 : 1;
        struct avro_type **types = mem_realloc(s->types, capacity * sizeof *types);
        if (types == NULL) {
            return avro_parse_nomem(p);
        }
        s->types = types;
    }
    s->types[s->type_count] = type;
    json_t *index = json_integer((json_int_t)s->type_count++);
    return json_object_set_new(s->names, type->full_name, index) == 0 ? ERR_OK
                                                                      : avro_parse_nomem(p);
}

/* The attributes that are not in the reserved list, in their order. */
static enum err_code avro_parse_props(struct avro_parser *p, const json_t *json,
                                      const char *const *reserved, const json_t **out_props)
{
    json_t *props = NULL;
    json_t *object = (json_t *)(uintptr_t)json; /* iterated only */
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        bool is_reserved = false;
        for (size_t i = 0; reserved[i] != NULL && !is_reserved; i++) {
            is_reserved = strcmp(key, reserved[i]) == 0;
        }
        if (is_reserved) {
            continue;
        }
        if (props == NULL) {
            props = json_object();
            if (json_array_append_new(p->schema->kept, props) != 0) {
                return avro_parse_nomem(p);
            }
        }
        if (json_object_set(props, key, json_object_iter_value(at)) != 0) {
            return avro_parse_nomem(p);
        }
    }
    *out_props = props;
    return ERR_OK;
}

static const char *const avro_parse_reserved[] = {"doc",       "fields",  "items",   "name",
                                                  "namespace", "size",    "symbols", "values",
                                                  "type",      "aliases", "default", NULL};
static const char *const avro_parse_reserved_field[] = {"default", "doc",     "name", "order",
                                                        "type",    "aliases", NULL};

static enum err_code avro_parse_type_props(struct avro_parser *p, const json_t *json,
                                           struct avro_type *type)
{
    /* "default" is reserved for enums only; elsewhere it is a mere attribute. */
    static const char *const others[] = {"doc",       "fields",  "items",   "name",
                                         "namespace", "size",    "symbols", "values",
                                         "type",      "aliases", NULL};
    return avro_parse_props(p, json, type->kind == AVRO_KIND_ENUM ? avro_parse_reserved : others,
                            &type->props);
}

/* An alias, that of a type as a full name. */
static enum err_code avro_parse_alias(struct avro_parser *p, const json_t *json,
                                      const struct avro_type *owner, const char **out_alias)
{
    const char *text = json_string_value(json);
    if (text == NULL) {
        return avro_parse_fail(p, "alias not a string", json);
    }
    if (owner == NULL) {
        *out_alias = text;
        return ERR_OK;
    }
    const char *dot = strrchr(text, '.');
    const char *last = dot != NULL ? dot + 1 : text;
    enum err_code code = avro_parse_check_name(p, last, strlen(last));
    if (code != ERR_OK) {
        return code;
    }
    *out_alias = dot == NULL ? avro_parse_join(p, owner->space, text) : dot == text ? last : text;
    return *out_alias != NULL ? ERR_OK : avro_parse_nomem(p);
}

/* A set: each once, in the order of its first mention. */
static enum err_code avro_parse_aliases(struct avro_parser *p, const json_t *json,
                                        const struct avro_type *owner, struct avro_names *out_names)
{
    const json_t *aliases = json_object_get(json, "aliases");
    if (aliases == NULL) {
        return ERR_OK;
    }
    if (!json_is_array(aliases)) {
        return avro_parse_fail(p, "aliases not an array", json);
    }
    size_t count = json_array_size(aliases);
    const char **items = avro_parse_alloc(p, count, sizeof *items);
    json_t *seen = json_object();
    if (items == NULL || seen == NULL || json_array_append_new(p->schema->kept, seen) != 0) {
        return avro_parse_nomem(p);
    }
    struct avro_names names = {items, 0};
    for (size_t i = 0; i < count; i++) {
        enum err_code code =
            avro_parse_alias(p, json_array_get(aliases, i), owner, &items[names.count]);
        if (code != ERR_OK) {
            return code;
        }
        bool again = json_object_get(seen, items[names.count]) != NULL;
        if (!again && json_object_set_new(seen, items[names.count], json_true()) != 0) {
            return avro_parse_nomem(p);
        }
        names.count += again ? 0 : 1;
    }
    *out_names = names;
    return ERR_OK;
}

static enum err_code avro_parse_order(struct avro_parser *p, const json_t *json,
                                      enum avro_order *out_order)
{
    const char *order = avro_parse_text(json, "order");
    if (order == NULL || strcasecmp(order, "ascending") == 0) {
        *out_order = AVRO_ORDER_ASCENDING;
    } else if (strcasecmp(order, "descending") == 0) {
        *out_order = AVRO_ORDER_DESCENDING;
    } else if (strcasecmp(order, "ignore") == 0) {
        *out_order = AVRO_ORDER_IGNORE;
    } else {
        return err_set(p->e, ERR_PARSE, "Invalid order: %s", order);
    }
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_parse_field(struct avro_parser *p, const json_t *json, const char *space,
                                      struct avro_field *field)
{
    field->name = avro_parse_text(json, "name");
    if (field->name == NULL) {
        return avro_parse_fail(p, "No field name", json);
    }
    enum err_code code = avro_parse_check_name(p, field->name, strlen(field->name));
    if (code != ERR_OK) {
        return code;
    }
    const json_t *type = json_object_get(json, "type");
    if (type == NULL) {
        return avro_parse_fail(p, "No field type", json);
    }
    field->doc = avro_parse_text(json, "doc");
    field->default_json = json_object_get(json, "default");
    code = avro_parse_order(p, json, &field->order);
    if (code == ERR_OK) {
        code = avro_parse_aliases(p, json, NULL, &field->aliases);
    }
    if (code == ERR_OK) {
        code = avro_parse_props(p, json, avro_parse_reserved_field, &field->props);
    }
    if (code == ERR_OK) {
        code = avro_parse_type(p, type, (struct avro_place){space, field->name}, &field->type);
    }
    if (code == ERR_OK && field->default_json != NULL) {
        struct avro_default_check *check = avro_parse_alloc(p, 1, sizeof *check);
        if (check == NULL) {
            return avro_parse_nomem(p);
        }
        check->field = field;
        *p->defaults_end = check;
        p->defaults_end = &check->next;
    }
    return code;
}

static enum err_code avro_parse_duplicate(struct avro_parser *p, const struct avro_type *type,
                                          size_t first, size_t second)
{
    const struct avro_field *a = &type->fields[first];
    const struct avro_field *b = &type->fields[second];
    char words[2][16];
    const struct avro_type *types[2] = {a->type, b->type};
    for (size_t i = 0; i < 2; i++) {
        size_t at = 0;
        /* A type that is not resolved yet is a record, an enum or a fixed that follows. */
        const char *word = types[i] != NULL ? avro_schema_word(types[i]->kind) : "record";
        for (; word[at] != '\0' && at < sizeof words[i] - 1; at++) {
            words[i][at] = (char)(word[at] - 'a' + 'A');
        }
        words[i][at] = '\0';
    }
    return err_set(p->e, ERR_PARSE,
                   "Duplicate field %s in record %s: %s type:%s pos:%zu and %s type:%s pos:%zu.",
                   b->name, type->full_name, b->name, words[1], second, a->name, words[0], first);
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_parse_record(struct avro_parser *p, const json_t *json,
                                       struct avro_type *type)
{
    const json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields)) {
        return avro_parse_fail(p, "Record has no fields", json);
    }
    size_t count = json_array_size(fields);
    struct avro_field *items = avro_parse_alloc(p, count, sizeof *items);
    json_t *seen = json_object();
    if (items == NULL || seen == NULL || json_array_append_new(p->schema->kept, seen) != 0) {
        return avro_parse_nomem(p);
    }
    type->fields = items;
    for (size_t i = 0; i < count; i++) {
        enum err_code code = avro_parse_field(p, json_array_get(fields, i), type->space, &items[i]);
        if (code != ERR_OK) {
            return code;
        }
        const json_t *first = json_object_get(seen, items[i].name);
        if (first != NULL) {
            return avro_parse_duplicate(p, type, (size_t)json_integer_value(first), i);
        }
        if (json_object_set_new(seen, items[i].name, json_integer((json_int_t)i)) != 0) {
            return avro_parse_nomem(p);
        }
        type->field_count = i + 1;
    }
    return ERR_OK;
}

/* As Java prints a list: [A, B]. */
static enum err_code avro_parse_bad_enum_default(struct avro_parser *p,
                                                 const struct avro_type *type)
{
    struct buf b;
    buf_init(&b, AVRO_SCHEMA_BYTES_MAX);
    for (size_t i = 0; i < type->symbols.count; i++) {
        buf_printf(&b, "%s%s", i > 0 ? ", " : "", type->symbols.items[i]);
    }
    const char *text = buf_text(&b);
    (void)err_set(p->e, ERR_PARSE, "The Enum Default: %s is not in the enum symbol set: [%s]",
                  type->enum_default, text != NULL ? text : "");
    buf_deinit(&b);
    return ERR_PARSE;
}

static enum err_code avro_parse_enum(struct avro_parser *p, const json_t *json,
                                     struct avro_type *type)
{
    const json_t *symbols = json_object_get(json, "symbols");
    if (!json_is_array(symbols)) {
        return avro_parse_fail(p, "Enum has no symbols", json);
    }
    size_t count = json_array_size(symbols);
    const char **items = avro_parse_alloc(p, count, sizeof *items);
    json_t *seen = json_object();
    if (items == NULL || seen == NULL || json_array_append_new(p->schema->kept, seen) != 0) {
        return avro_parse_nomem(p);
    }
    for (size_t i = 0; i < count; i++) {
        const char *symbol = json_string_value(json_array_get(symbols, i));
        if (symbol == NULL) {
            return err_set(p->e, ERR_PARSE, "Null name");
        }
        enum err_code code = avro_parse_check_name(p, symbol, strlen(symbol));
        if (code != ERR_OK) {
            return code;
        }
        items[i] = symbol;
        if (json_object_get(seen, symbol) != NULL) {
            return err_set(p->e, ERR_PARSE, "Duplicate enum symbol: %s", symbol);
        }
        if (json_object_set_new(seen, symbol, json_true()) != 0) {
            return avro_parse_nomem(p);
        }
    }
    type->symbols = (struct avro_names){items, count};
    type->enum_default = avro_parse_text(json, "default");
    if (type->enum_default != NULL && json_object_get(seen, type->enum_default) == NULL) {
        return avro_parse_bad_enum_default(p, type);
    }
    return ERR_OK;
}

static enum err_code avro_parse_fixed(struct avro_parser *p, const json_t *json,
                                      struct avro_type *type)
{
    const json_t *size = json_object_get(json, "size");
    if (!json_is_integer(size) || json_integer_value(size) > INT32_MAX) {
        return avro_parse_fail(p, "Invalid or no size", json);
    }
    if (json_integer_value(size) < 0) {
        return err_set(p->e, ERR_PARSE, "Malformed data. Length is negative: %lld",
                       (long long)json_integer_value(size));
    }
    type->size = (size_t)json_integer_value(size);
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_parse_named(struct avro_parser *p, const json_t *json, const char *space,
                                      struct avro_type *type)
{
    const char *name = avro_parse_text(json, "name");
    if (name == NULL) {
        return avro_parse_fail(p, "No name in schema", json);
    }
    const char *own_space = avro_parse_text(json, "namespace");
    enum err_code code = avro_parse_name(p, name, own_space != NULL ? own_space : space, type);
    if (code == ERR_OK) {
        code = avro_parse_define(p, type);
    }
    if (code == ERR_OK) {
        code = avro_parse_aliases(p, json, type, &type->aliases);
    }
    if (code != ERR_OK) {
        return code;
    }
    type->doc = avro_parse_text(json, "doc");
    if (type->kind == AVRO_KIND_RECORD) {
        return avro_parse_record(p, json, type);
    }
    return type->kind == AVRO_KIND_ENUM ? avro_parse_enum(p, json, type)
                                        : avro_parse_fixed(p, json, type);
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_parse_items(struct avro_parser *p, const json_t *json,
                                      struct avro_place place, struct avro_type *type)
{
    bool array = type->kind == AVRO_KIND_ARRAY;
    const json_t *items = json_object_get(json, array ? "items" : "values");
    if (items == NULL) {
        return avro_parse_fail(p, array ? "Array has no items type" : "Map has no values type",
                               json);
    }
    return avro_parse_type(p, items, (struct avro_place){place.space, NULL}, &type->items);
}

/* What the name stands for here: in the enclosing namespace first, then bare. NULL when unknown. */
static const struct avro_type *avro_parse_resolve(struct avro_parser *p, const char *name,
                                                  const char *space)
{
    const struct avro_type *found = NULL;
    if (strchr(name, '.') == NULL && space != NULL) {
        const char *full = avro_parse_join(p, space, name);
        found = full != NULL ? avro_schema_find(p->schema, full) : NULL;
    }
    return found != NULL ? found : avro_schema_find(p->schema, name);
}

/* A name that is a type, now or at the end of the document. */
static enum err_code avro_parse_reference(struct avro_parser *p, const char *name, bool in_object,
                                          struct avro_place place,
                                          const struct avro_type **out_type)
{
    *out_type = avro_parse_resolve(p, name, place.space);
    if (*out_type != NULL) {
        return ERR_OK;
    }
    struct avro_fixup *fixup = avro_parse_alloc(p, 1, sizeof *fixup);
    if (fixup == NULL) {
        return avro_parse_nomem(p);
    }
    *fixup = (struct avro_fixup){.slot = out_type,
                                 .name = name,
                                 .space = place.space,
                                 .field = place.field,
                                 .in_object = in_object};
    *p->fixups_end = fixup;
    p->fixups_end = &fixup->next;
    return ERR_OK;
}

/* The kind of a type word that is no primitive, or -1. */
static int avro_parse_complex_kind(const char *word)
{
    static const enum avro_kind kinds[] = {AVRO_KIND_RECORD, AVRO_KIND_ENUM, AVRO_KIND_ARRAY,
                                           AVRO_KIND_MAP, AVRO_KIND_FIXED};
    if (strcmp(word, "error") == 0) {
        return AVRO_KIND_RECORD;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(word, avro_schema_word(kinds[i])) == 0) {
            return (int)kinds[i];
        }
    }
    return -1;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_parse_object(struct avro_parser *p, const json_t *json,
                                       struct avro_place place, const struct avro_type **out_type)
{
    const char *word = avro_parse_text(json, "type");
    if (word == NULL) {
        return avro_parse_fail(p, "No type", json);
    }
    int primitive = avro_schema_primitive_kind(word);
    int kind = primitive >= 0 ? primitive : avro_parse_complex_kind(word);
    if (kind < 0) {
        return avro_parse_reference(p, word, true, place, out_type);
    }
    struct avro_type *type = avro_parse_alloc(p, 1, sizeof *type);
    if (type == NULL) {
        return avro_parse_nomem(p);
    }
    type->kind = (enum avro_kind)kind;
    type->is_error = strcmp(word, "error") == 0;
    enum err_code code = avro_parse_type_props(p, json, type);
    if (code == ERR_OK && avro_schema_is_named(type)) {
        code = avro_parse_named(p, json, place.space, type);
    } else if (code == ERR_OK && primitive < 0) {
        code = avro_parse_items(p, json, place, type);
    }
    if (code == ERR_OK) {
        bool bare = primitive >= 0 && type->props == NULL;
        *out_type = bare ? avro_schema_primitive(type->kind) : type;
    }
    return code;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_parse_union(struct avro_parser *p, const json_t *json,
                                      struct avro_place place, const struct avro_type **out_type)
{
    size_t count = json_array_size(json);
    struct avro_type *type = avro_parse_alloc(p, 1, sizeof *type);
    const struct avro_type **branches = avro_parse_alloc(p, count, sizeof *branches);
    struct avro_union_check *check = avro_parse_alloc(p, 1, sizeof *check);
    if (type == NULL || branches == NULL || check == NULL) {
        return avro_parse_nomem(p);
    }
    type->kind = AVRO_KIND_UNION;
    type->branches = branches;
    for (size_t i = 0; i < count; i++) {
        enum err_code code = avro_parse_type(p, json_array_get(json, i),
                                             (struct avro_place){place.space, NULL}, &branches[i]);
        if (code != ERR_OK) {
            return code;
        }
    }
    type->branch_count = count;
    check->type = type;
    *p->unions_end = check;
    p->unions_end = &check->next;
    *out_type = type;
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): descends with the JSON, whose depth is bounded. */
static enum err_code avro_parse_type(struct avro_parser *p, const json_t *json,
                                     struct avro_place place, const struct avro_type **out_type)
{
    if (json_is_string(json)) {
        int primitive = avro_schema_primitive_kind(json_string_value(json));
        if (primitive < 0) {
            return avro_parse_reference(p, json_string_value(json), false, place, out_type);
        }
        *out_type = avro_schema_primitive((enum avro_kind)primitive);
        return ERR_OK;
    }
    if (json_is_object(json)) {
        return avro_parse_object(p, json, place, out_type);
    }
    if (json_is_array(json)) {
        return avro_parse_union(p, json, place, out_type);
    }
    return avro_parse_fail(p, "Schema not yet supported", json);
}

static enum err_code avro_parse_take_references(struct avro_schema *s,
                                                const struct avro_schema_options *options)
{
    if (options->reference_count == 0) {
        return ERR_OK;
    }
    s->references = arena_alloc_array(&s->arena, options->reference_count, sizeof *s->references);
    if (s->references == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < options->reference_count; i++) {
        s->references[s->reference_count++] = avro_schema_ref(options->references[i]);
    }
    return ERR_OK;
}

static enum err_code avro_parse_write_text(struct avro_parser *p)
{
    struct buf b;
    buf_init(&b, AVRO_SCHEMA_BYTES_MAX);
    avro_schema_write_canonical(p->schema, &b);
    p->schema->text = buf_take_text(&b);
    buf_deinit(&b);
    return p->schema->text != NULL ? ERR_OK : avro_parse_nomem(p);
}

enum err_code avro_schema_build(const json_t *json, const struct avro_schema_options *options,
                                struct avro_schema **out_schema, struct err *e)
{
    const struct avro_schema_options lenient = {0};
    options = options != NULL ? options : &lenient;
    struct avro_schema *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "schema");
    }
    atomic_init(&s->refs, 1);
    arena_init(&s->arena, AVRO_PARSE_ARENA_BYTES);
    s->json = json_deep_copy(json);
    s->kept = json_array();
    s->names = json_object();
    struct avro_parser p = {.schema = s, .strict = options->strict, .e = e};
    p.fixups_end = &p.fixups;
    p.unions_end = &p.unions;
    p.defaults_end = &p.defaults;
    enum err_code code = ERR_OK;
    if (s->json == NULL || s->kept == NULL || s->names == NULL ||
        avro_parse_take_references(s, options) != ERR_OK) {
        code = avro_parse_nomem(&p);
    }
    if (code == ERR_OK) {
        code = avro_parse_type(&p, s->json, (struct avro_place){NULL, NULL}, &s->root);
    }
    if (code == ERR_OK) {
        code = avro_parse_check(&p);
    }
    if (code == ERR_OK) {
        code = avro_parse_write_text(&p);
    }
    if (code != ERR_OK) {
        avro_schema_unref(s);
        return code;
    }
    *out_schema = s;
    return ERR_OK;
}
