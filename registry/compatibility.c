#include "registry/compatibility.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/text.h"
#include "serde/avro_schema.h"

#define COMPATIBILITY_TEXT_MAX ((size_t)16 * 1024 * 1024)
/* Pairs of types looked at in one check: unions of unions multiply. */
#define COMPATIBILITY_STEPS_MAX 1000000
#define COMPATIBILITY_PAIRS_MAX 20000
#define COMPATIBILITY_OLD_TEXT_MAX 10240

static const char *const compatibility_names[] = {
    "NONE", "BACKWARD",       "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE",
    "FULL", "FULL_TRANSITIVE"};

const char *compatibility_level_name(enum compatibility_level level)
{
    return compatibility_names[level];
}

enum err_code compatibility_level_parse(const char *text, enum compatibility_level *out_level,
                                        struct err *e)
{
    for (size_t i = 0; i < sizeof compatibility_names / sizeof compatibility_names[0]; i++) {
        if (text_equals_nocase(text, compatibility_names[i])) {
            *out_level = (enum compatibility_level)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID,
                   "Invalid compatibility level. Valid values are none, backward, forward, full, "
                   "backward_transitive, forward_transitive, and full_transitive");
}

bool compatibility_level_is_transitive(enum compatibility_level level)
{
    return level == COMPATIBILITY_BACKWARD_TRANSITIVE ||
           level == COMPATIBILITY_FORWARD_TRANSITIVE || level == COMPATIBILITY_FULL_TRANSITIVE;
}

/* A pair of named types that was met. The original looks at each once: where the pair is met again
 * it repeats the findings of the first place, locations and all. */
struct compatibility_pair {
    struct compatibility_pair *next;
    const struct avro_type *reader;
    const struct avro_type *writer;
    json_t *messages; /* NULL: in progress, and taken to be compatible */
};

struct compatibility_checker {
    const char *reader_side; /* "new" or "old" */
    const char *writer_side;
    json_t *messages;
    struct buf path; /* the location: "/fields/0/type" */
    struct compatibility_pair *pairs;
    unsigned pair_count;
    unsigned steps;
    unsigned depth;
    bool exhausted;    /* too many steps, or out of memory; or ambiguous */
    json_t *ambiguous; /* the text of what Java throws, or NULL: it replaces all findings */
};

static void compatibility_check_types(struct compatibility_checker *c,
                                      const struct avro_type *reader,
                                      const struct avro_type *writer);

/* path_suffix is NULL or "/size"; template has the place holders P, N, O, F, I. */
static void compatibility_report(struct compatibility_checker *c, const char *type,
                                 const char *description, const char *suffix, const char *info)
{
    struct buf b;
    buf_init(&b, COMPATIBILITY_TEXT_MAX);
    buf_printf(&b, "{errorType:'%s', description:'", type);
    for (const char *at = description; *at != '\0'; at++) {
        if (*at != '%') {
            buf_append_char(&b, *at);
            continue;
        }
        at++;
        if (*at == 'P') {
            buf_append_bytes(&b, buf_bytes(&c->path));
            buf_append_text(&b, suffix != NULL ? suffix : c->path.len == 0 ? "/" : "");
        } else if (*at == 'N') {
            buf_append_text(&b, c->reader_side);
        } else if (*at == 'O') {
            buf_append_text(&b, c->writer_side);
        } else {
            buf_append_text(&b, info);
        }
    }
    buf_printf(&b, "', additionalInfo:'%s'}", info);
    const char *text = buf_text(&b);
    if (text == NULL || json_array_append_new(c->messages, json_string(text)) != 0) {
        c->exhausted = true;
    }
    buf_deinit(&b);
}

/* "INT" of "int". */
static void compatibility_upper(struct buf *b, const struct avro_type *type)
{
    for (const char *at = avro_schema_word(type->kind); *at != '\0'; at++) {
        buf_append_char(b, (char)(*at - 'a' + 'A'));
    }
}

static void compatibility_report_mismatch(struct compatibility_checker *c,
                                          const struct avro_type *reader,
                                          const struct avro_type *writer)
{
    struct buf info;
    buf_init(&info, 256);
    buf_append_text(&info, "reader type: ");
    compatibility_upper(&info, reader);
    buf_append_text(&info, " not compatible with writer type: ");
    compatibility_upper(&info, writer);
    const char *text = buf_text(&info);
    compatibility_report(c, "TYPE_MISMATCH",
                         "The type (path '%P') of a field in the %N schema does not match with the "
                         "%O schema",
                         NULL, text != NULL ? text : "");
    buf_deinit(&info);
}

static void compatibility_report_branch(struct compatibility_checker *c,
                                        const struct avro_type *writer)
{
    struct buf info;
    buf_init(&info, 256);
    buf_append_text(&info, "reader union lacking writer type: ");
    compatibility_upper(&info, writer);
    const char *text = buf_text(&info);
    compatibility_report(c, "MISSING_UNION_BRANCH",
                         "The %N schema is missing a type inside a union field at path '%P' in the "
                         "%O schema",
                         NULL, text != NULL ? text : "");
    buf_deinit(&info);
}

/* Descends with the location extended by "/segment". */
/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void compatibility_descend(struct compatibility_checker *c, const char *segment,
                                  const struct avro_type *reader, const struct avro_type *writer)
{
    size_t len = c->path.len;
    buf_printf(&c->path, "/%s", segment);
    compatibility_check_types(c, reader, writer);
    buf_truncate(&c->path, len);
}

/* Whether the pair is compatible, without reporting. With messages of its own, and a location that
 * begins anew, as the original does for branches. */
/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static bool compatibility_try(struct compatibility_checker *c, const struct avro_type *reader,
                              const struct avro_type *writer)
{
    json_t *outer = c->messages;
    struct buf outer_path = c->path;
    buf_init(&c->path, COMPATIBILITY_TEXT_MAX);
    c->messages = json_array();
    if (c->messages == NULL) {
        c->exhausted = true;
    } else {
        compatibility_check_types(c, reader, writer);
    }
    bool fits = json_array_size(c->messages) == 0;
    json_decref(c->messages);
    buf_deinit(&c->path);
    c->messages = outer;
    c->path = outer_path;
    return fits;
}

static bool compatibility_names_match(const struct avro_type *reader,
                                      const struct avro_type *writer)
{
    if (strcmp(reader->name, writer->name) == 0) {
        return true;
    }
    for (size_t i = 0; i < reader->aliases.count; i++) {
        if (strcmp(reader->aliases.items[i], writer->full_name) == 0) {
            return true;
        }
    }
    return false;
}

static void compatibility_check_names(struct compatibility_checker *c,
                                      const struct avro_type *reader,
                                      const struct avro_type *writer)
{
    if (compatibility_names_match(reader, writer)) {
        return;
    }
    struct buf info;
    buf_init(&info, COMPATIBILITY_TEXT_MAX);
    buf_printf(&info, "expected: %s", writer->full_name);
    const char *text = buf_text(&info);
    compatibility_report(c, "NAME_MISMATCH", "The name of the schema has changed (path '%P')",
                         "/name", text != NULL ? text : "");
    buf_deinit(&info);
}

static void compatibility_check_fixed(struct compatibility_checker *c,
                                      const struct avro_type *reader,
                                      const struct avro_type *writer)
{
    compatibility_check_names(c, reader, writer);
    if (reader->size == writer->size) {
        return;
    }
    struct buf info;
    buf_init(&info, 256);
    buf_printf(&info, "expected: %zu, found: %zu", writer->size, reader->size);
    const char *text = buf_text(&info);
    compatibility_report(
        c, "FIXED_SIZE_MISMATCH",
        "The size of FIXED type field at path '%P' in the %N schema does not match "
        "with the %O schema",
        "/size", text != NULL ? text : "");
    buf_deinit(&info);
}

static int compatibility_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A set of the reader's symbols: enums may be large. */
static json_t *compatibility_symbols(const struct avro_type *type)
{
    json_t *set = json_object();
    for (size_t i = 0; set != NULL && i < type->symbols.count; i++) {
        if (json_object_set_new(set, type->symbols.items[i], json_true()) != 0) {
            json_decref(set);
            set = NULL;
        }
    }
    return set;
}

static void compatibility_check_enum(struct compatibility_checker *c,
                                     const struct avro_type *reader, const struct avro_type *writer)
{
    compatibility_check_names(c, reader, writer);
    if (reader->enum_default != NULL) {
        return;
    }
    json_t *known = compatibility_symbols(reader);
    const char **missing = mem_calloc(writer->symbols.count + 1, sizeof *missing);
    size_t count = 0;
    if (known == NULL || missing == NULL) {
        c->exhausted = true;
    } else {
        for (size_t i = 0; i < writer->symbols.count; i++) {
            if (json_object_get(known, writer->symbols.items[i]) == NULL) {
                missing[count++] = writer->symbols.items[i];
            }
        }
    }
    if (count > 0) {
        qsort(missing, count, sizeof *missing, compatibility_compare);
        struct buf info;
        buf_init(&info, COMPATIBILITY_TEXT_MAX);
        for (size_t i = 0; i < count; i++) {
            buf_printf(&info, "%s%s", i > 0 ? ", " : "[", missing[i]);
        }
        buf_append_char(&info, ']');
        const char *text = buf_text(&info);
        compatibility_report(c, "MISSING_ENUM_SYMBOLS",
                             "The %N schema is missing enum symbols '%I' at path '%P' in the %O "
                             "schema",
                             "/symbols", text != NULL ? text : "");
        buf_deinit(&info);
    }
    mem_free(missing);
    json_decref(known);
}

/* Java ends the whole check here. */
static void compatibility_report_ambiguous(struct compatibility_checker *c,
                                           const struct avro_type *writer,
                                           const struct avro_field *field, size_t index)
{
    struct buf b;
    buf_init(&b, COMPATIBILITY_TEXT_MAX);
    buf_printf(&b, "Unexpected exception during compatibility check: Reader record field %s type:",
               field->name);
    compatibility_upper(&b, field->type);
    buf_printf(&b, " pos:%zu matches multiple fields in writer record schema ", index);
    avro_schema_write_type(writer, &b);
    const char *text = buf_text(&b);
    c->ambiguous = text != NULL ? json_string(text) : NULL;
    c->exhausted = true;
    buf_deinit(&b);
}

/* The writer's field that has the name or an alias of the reader's; two are too many. */
static const struct avro_field *compatibility_writer_field(struct compatibility_checker *c,
                                                           const struct avro_type *writer,
                                                           const struct avro_field *field,
                                                           size_t index)
{
    const struct avro_field *found = avro_schema_field(writer, field->name);
    for (size_t i = 0; i < field->aliases.count && !c->exhausted; i++) {
        const struct avro_field *other = avro_schema_field(writer, field->aliases.items[i]);
        if (found != NULL && other != NULL) {
            compatibility_report_ambiguous(c, writer, field, index);
        }
        found = found != NULL ? found : other;
    }
    return found;
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void compatibility_check_field(struct compatibility_checker *c,
                                      const struct avro_type *reader,
                                      const struct avro_type *writer, size_t index)
{
    const struct avro_field *field = &reader->fields[index];
    const struct avro_field *found = compatibility_writer_field(c, writer, field, index);
    if (c->exhausted) {
        return;
    }
    if (found != NULL) {
        compatibility_descend(c, "type", field->type, found->type);
    } else if (field->default_json != NULL) {
        return;
    } else if (field->type->kind == AVRO_KIND_ENUM && field->type->enum_default != NULL) {
        /* The original compares the enum with the whole record here, which never fits. */
        compatibility_descend(c, "type", field->type, writer);
    } else {
        compatibility_report(
            c, "READER_FIELD_MISSING_DEFAULT_VALUE",
            "The field '%F' at path '%P' in the %N schema has no default value and "
            "is missing in the %O schema",
            NULL, field->name);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void compatibility_check_record(struct compatibility_checker *c,
                                       const struct avro_type *reader,
                                       const struct avro_type *writer)
{
    compatibility_check_names(c, reader, writer);
    for (size_t i = 0; i < reader->field_count && !c->exhausted; i++) {
        size_t len = c->path.len;
        buf_printf(&c->path, "/fields/%zu", i);
        compatibility_check_field(c, reader, writer, i);
        buf_truncate(&c->path, len);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void compatibility_check_unions(struct compatibility_checker *c,
                                       const struct avro_type *reader,
                                       const struct avro_type *writer)
{
    for (size_t i = 0; i < writer->branch_count && !c->exhausted; i++) {
        if (!compatibility_try(c, reader, writer->branches[i])) {
            size_t len = c->path.len;
            buf_printf(&c->path, "/%zu", i);
            compatibility_report_branch(c, writer->branches[i]);
            buf_truncate(&c->path, len);
        }
    }
}

static bool compatibility_promotes(enum avro_kind writer, enum avro_kind reader)
{
    bool whole = writer == AVRO_KIND_INT || writer == AVRO_KIND_LONG;
    return (writer == AVRO_KIND_INT && reader == AVRO_KIND_LONG) ||
           (whole && (reader == AVRO_KIND_FLOAT || reader == AVRO_KIND_DOUBLE)) ||
           (writer == AVRO_KIND_FLOAT && reader == AVRO_KIND_DOUBLE) ||
           (writer == AVRO_KIND_STRING && reader == AVRO_KIND_BYTES) ||
           (writer == AVRO_KIND_BYTES && reader == AVRO_KIND_STRING);
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void compatibility_check_same_kind(struct compatibility_checker *c,
                                          const struct avro_type *reader,
                                          const struct avro_type *writer)
{
    switch (reader->kind) {
    case AVRO_KIND_RECORD:
        compatibility_check_record(c, reader, writer);
        break;
    case AVRO_KIND_ENUM:
        compatibility_check_enum(c, reader, writer);
        break;
    case AVRO_KIND_FIXED:
        compatibility_check_fixed(c, reader, writer);
        break;
    case AVRO_KIND_ARRAY:
        compatibility_descend(c, "items", reader->items, writer->items);
        break;
    case AVRO_KIND_MAP:
        compatibility_descend(c, "values", reader->items, writer->items);
        break;
    case AVRO_KIND_UNION:
        compatibility_check_unions(c, reader, writer);
        break;
    case AVRO_KIND_STRING:
    case AVRO_KIND_BYTES:
    case AVRO_KIND_INT:
    case AVRO_KIND_LONG:
    case AVRO_KIND_FLOAT:
    case AVRO_KIND_DOUBLE:
    case AVRO_KIND_BOOLEAN:
    case AVRO_KIND_NULL:
        break;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void compatibility_check_kinds(struct compatibility_checker *c,
                                      const struct avro_type *reader,
                                      const struct avro_type *writer)
{
    if (reader->kind == writer->kind) {
        compatibility_check_same_kind(c, reader, writer);
    } else if (writer->kind == AVRO_KIND_UNION) {
        for (size_t i = 0; i < writer->branch_count && !c->exhausted; i++) {
            char branch[24];
            (void)snprintf(branch, sizeof branch, "%zu", i);
            compatibility_descend(c, branch, reader, writer->branches[i]);
        }
    } else if (reader->kind == AVRO_KIND_UNION) {
        bool any = false;
        for (size_t i = 0; i < reader->branch_count && !any; i++) {
            any = compatibility_try(c, reader->branches[i], writer);
        }
        if (!any) {
            compatibility_report_branch(c, writer);
        }
    } else if (!compatibility_promotes(writer->kind, reader->kind)) {
        compatibility_report_mismatch(c, reader, writer);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void compatibility_check_pair(struct compatibility_checker *c,
                                     const struct avro_type *reader, const struct avro_type *writer)
{
    for (const struct compatibility_pair *p = c->pairs; p != NULL; p = p->next) {
        if (p->reader == reader && p->writer == writer) {
            c->exhausted = p->messages != NULL && json_array_extend(c->messages, p->messages) != 0;
            return;
        }
    }
    bool full = c->pair_count++ == COMPATIBILITY_PAIRS_MAX;
    struct compatibility_pair *pair = full ? NULL : mem_alloc(sizeof *pair);
    json_t *above = c->messages;
    json_t *found = json_array();
    if (pair == NULL || found == NULL) {
        mem_free(pair);
        json_decref(found);
        c->exhausted = true;
        return;
    }
    *pair = (struct compatibility_pair){.next = c->pairs, .reader = reader, .writer = writer};
    c->pairs = pair;
    c->messages = found;
    compatibility_check_kinds(c, reader, writer);
    pair->messages = found;
    c->messages = above;
    c->exhausted = json_array_extend(above, found) != 0 || c->exhausted;
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void compatibility_check_types(struct compatibility_checker *c,
                                      const struct avro_type *reader,
                                      const struct avro_type *writer)
{
    if (++c->steps > COMPATIBILITY_STEPS_MAX || c->depth == AVRO_SCHEMA_DEPTH_MAX * 4 ||
        buf_failed(&c->path)) {
        c->exhausted = true;
    }
    if (c->exhausted) {
        return;
    }
    c->depth++;
    if (avro_schema_is_named(reader) && avro_schema_is_named(writer)) {
        compatibility_check_pair(c, reader, writer);
    } else {
        compatibility_check_kinds(c, reader, writer);
    }
    c->depth--;
}

/* One direction of one pair. */
static enum err_code compatibility_check_way(const struct avro_schema *reader,
                                             const struct avro_schema *writer, bool reader_is_new,
                                             json_t *messages, struct err *e)
{
    struct compatibility_checker c = {.reader_side = reader_is_new ? "new" : "old",
                                      .writer_side = reader_is_new ? "old" : "new",
                                      .messages = messages};
    size_t before = json_array_size(messages);
    buf_init(&c.path, COMPATIBILITY_TEXT_MAX);
    compatibility_check_types(&c, avro_schema_root(reader), avro_schema_root(writer));
    while (c.pairs != NULL) {
        struct compatibility_pair *next = c.pairs->next;
        json_decref(c.pairs->messages);
        mem_free(c.pairs);
        c.pairs = next;
    }
    buf_deinit(&c.path);
    if (c.ambiguous != NULL) {
        while (json_array_size(messages) > before) {
            (void)json_array_remove(messages, before);
        }
        return json_array_append_new(messages, c.ambiguous) == 0
                   ? ERR_OK
                   : err_nomem(e, "compatibility check");
    }
    if (c.exhausted) {
        return err_set(e, ERR_LIMIT, "schemas are too entangled to be compared");
    }
    return ERR_OK;
}

static enum err_code compatibility_add(json_t *messages, json_t *text, struct err *e)
{
    return json_array_append_new(messages, text) == 0 ? ERR_OK
                                                      : err_nomem(e, "compatibility check");
}

/* How many bytes of a text are shown: whole characters, which Java counts as UTF-16 units. */
static size_t compatibility_shown(const char *text)
{
    size_t units = 0;
    size_t i = 0;
    for (; text[i] != '\0'; i++) {
        unsigned char c = (unsigned char)text[i];
        units += (c & 0xc0U) == 0x80U ? 0 : c >= 0xf0U ? 2 : 1; /* 0x80: inside a character */
        if (units > COMPATIBILITY_OLD_TEXT_MAX) {
            break;
        }
    }
    return i;
}

/* {oldSchemaVersion: 1}, {oldSchema: '...'} */
static enum err_code compatibility_add_old(const struct compatibility_old *old, json_t *messages,
                                           struct err *e)
{
    struct buf b;
    buf_init(&b, COMPATIBILITY_TEXT_MAX);
    const char *text = avro_schema_text(old->schema);
    size_t shown = compatibility_shown(text);
    if (text[shown] != '\0') {
        buf_printf(&b, "{oldSchema: <truncated> '%.*s...'}", (int)shown, text);
    } else {
        buf_printf(&b, "{oldSchema: '%s'}", text);
    }
    const char *old_text = buf_text(&b);
    enum err_code code =
        compatibility_add(messages, json_sprintf("{oldSchemaVersion: %d}", old->version), e);
    if (code == ERR_OK) {
        code =
            compatibility_add(messages, old_text != NULL ? json_string_nocheck(old_text) : NULL, e);
    }
    buf_deinit(&b);
    return code;
}

/* The old version itself is shown behind findings of the last direction alone: FULL, which looks
 * forward first, may have none. */
static enum err_code compatibility_check_one(enum compatibility_level level,
                                             const struct avro_schema *new_schema,
                                             const struct compatibility_old *old, json_t *messages,
                                             struct err *e)
{
    if (old->schema == NULL) {
        return compatibility_add(messages,
                                 json_string("Incompatible because of different schema type"), e);
    }
    bool full = level == COMPATIBILITY_FULL || level == COMPATIBILITY_FULL_TRANSITIVE;
    bool forward = level == COMPATIBILITY_FORWARD || level == COMPATIBILITY_FORWARD_TRANSITIVE;
    enum err_code code = ERR_OK;
    if (full) {
        code = compatibility_check_way(old->schema, new_schema, false, messages, e);
    }
    size_t before = json_array_size(messages);
    if (code == ERR_OK) {
        code = forward ? compatibility_check_way(old->schema, new_schema, false, messages, e)
                       : compatibility_check_way(new_schema, old->schema, true, messages, e);
    }
    return code == ERR_OK && json_array_size(messages) > before
               ? compatibility_add_old(old, messages, e)
               : code;
}

enum err_code compatibility_check(enum compatibility_level level,
                                  const struct avro_schema *new_schema,
                                  const struct compatibility_old *olds, size_t old_count,
                                  json_t *messages, struct err *e)
{
    size_t count = level == COMPATIBILITY_NONE ? 0 : old_count;
    if (count > 1 && !compatibility_level_is_transitive(level)) {
        count = 1;
    }
    size_t before = json_array_size(messages);
    for (size_t i = 0; i < count; i++) {
        enum err_code code = compatibility_check_one(level, new_schema, &olds[i], messages, e);
        if (code != ERR_OK) {
            return code;
        }
        if (json_array_size(messages) > before) {
            return compatibility_add(messages,
                                     json_sprintf("{validateFields: 'false', compatibility: '%s'}",
                                                  compatibility_names[level]),
                                     e);
        }
    }
    return ERR_OK;
}
