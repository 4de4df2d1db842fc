#include "connect/converters/avro_schema_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "connect/include/connect_error.h"

#define SPACE_DEFAULT "io.confluent.connect.avro"
#define FIELD_DOC "io.confluent.connect.avro.field.doc."
#define RECORD_DOC "io.confluent.connect.avro.record.doc"
#define NAMED_MAX ((size_t)1000)
#define PRECISION_DEFAULT 64

/* The state of one text: the names that are defined already, and the namespace around the present
 * place, which decides how names are shortened. */
struct writer {
    struct buf *out;
    const struct avro_schema_text_options *options;
    const struct connect_schema *named[NAMED_MAX];
    size_t named_count;
    size_t default_count; /* unnamed records so far */
    struct bytes space;
    struct err *e;
    enum err_code code;
};

struct full_name {
    struct bytes space; /* null: none */
    struct bytes name;
};

static void put(struct writer *w, const char *text)
{
    buf_append_text(w->out, text);
}

static void put_quoted(struct writer *w, struct bytes text)
{
    json_write_text(w->out, (const char *)text.data, text.len);
}

static void put_text(struct writer *w, const char *text)
{
    put_quoted(w, bytes_of_text(text));
}

static bool legal_at(char c, bool first)
{
    return isalpha((unsigned char)c) || c == '_' || (!first && isdigit((unsigned char)c));
}

/* A name between quotes, scrubbed or refused. */
static void put_name(struct writer *w, struct bytes name)
{
    buf_append_char(w->out, '"');
    for (size_t i = 0; i < name.len; i++) {
        char c = (char)name.data[i];
        if (legal_at(c, i == 0)) {
            buf_append_char(w->out, c);
        } else if (!w->options->scrub_invalid) {
            if (w->code == ERR_OK) {
                w->code = connect_error_set(
                    w->e, ERR_INVALID, "org.apache.avro.SchemaParseException", "Illegal %s: %.*s",
                    i == 0 ? "initial character" : "character in", (int)name.len, name.data);
            }
            break;
        } else if (isdigit((unsigned char)c)) {
            buf_append_char(w->out, 'x');
            buf_append_char(w->out, c);
        } else {
            buf_append_char(w->out, '_');
        }
    }
    buf_append_char(w->out, '"');
}

static struct full_name split_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (dot == NULL) {
        return (struct full_name){bytes_null(), bytes_of_text(name)};
    }
    return (struct full_name){bytes_of(name, (size_t)(dot - name)), bytes_of_text(dot + 1)};
}

/* "name":"X" and, where it differs from what surrounds it, "namespace":"Y". */
static void put_full_name(struct writer *w, const struct full_name *n)
{
    put(w, ",\"name\":");
    put_name(w, n->name);
    if (!bytes_is_null(n->space) && !bytes_equal(n->space, w->space)) {
        put(w, ",\"namespace\":");
        put_quoted(w, n->space);
    } else if (bytes_is_null(n->space) && !bytes_is_null(w->space)) {
        put(w, ",\"namespace\":\"\"");
    }
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_type(struct writer *w, const struct connect_schema *s, bool as_required);
// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_default(struct writer *w, const struct connect_schema *s,
                          const struct connect_value *v);

/* Avro writes bytes in defaults as text, one character a byte. */
static void write_bytes_text(struct writer *w, struct bytes data)
{
    buf_append_char(w->out, '"');
    for (size_t i = 0; i < data.len; i++) {
        uint8_t b = data.data[i];
        if (b >= 0x20 && b < 0x7f && b != '"' && b != '\\') {
            buf_append_char(w->out, (char)b);
        } else {
            buf_printf(w->out, "\\u%04X", b);
        }
    }
    buf_append_char(w->out, '"');
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_default_container(struct writer *w, const struct connect_schema *s,
                                    const struct connect_value *v)
{
    bool array = v->kind == CONNECT_ARRAY;
    bool record = v->kind == CONNECT_STRUCT;
    size_t count = record ? s->field_count : v->len;
    put(w, array ? "[" : "{");
    for (size_t i = 0; i < count; i++) {
        put(w, i > 0 ? "," : "");
        if (array) {
            write_default(w, s->value_schema, &v->items[i]);
        } else if (record) {
            put_text(w, s->fields[i].name);
            put(w, ":");
            write_default(w, s->fields[i].schema, connect_value_struct_get(v->record, i));
        } else {
            put_quoted(w, connect_value_data(&v->pairs[i].key));
            put(w, ":");
            write_default(w, s->value_schema, &v->pairs[i].value);
        }
    }
    put(w, array ? "]" : "}");
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_default(struct writer *w, const struct connect_schema *s,
                          const struct connect_value *v)
{
    switch ((enum connect_kind)v->kind) {
    case CONNECT_BYTES:
    case CONNECT_DECIMAL:
        write_bytes_text(w, connect_value_data(v));
        return;
    case CONNECT_ARRAY:
    case CONNECT_MAP:
    case CONNECT_STRUCT:
        write_default_container(w, s, v);
        return;
    case CONNECT_NULL:
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
    case CONNECT_FLOAT32:
    case CONNECT_FLOAT64:
    case CONNECT_BOOLEAN:
    case CONNECT_STRING:
        connect_value_write_json(v, w->out);
        return;
    }
}

static void write_parameters(struct writer *w, const struct connect_schema *s)
{
    for (size_t i = 0; i < s->parameter_count; i++) {
        put(w, i == 0 ? ",\"connect.parameters\":{" : ",");
        put_text(w, s->parameters[i].key);
        put(w, ":");
        put_text(w, s->parameters[i].value);
    }
    put(w, s->parameter_count > 0 ? "}" : "");
}

static const char *logical_word(const struct connect_schema *s)
{
    switch (s->logical) {
    case CONNECT_LOGICAL_NONE:
        return NULL;
    case CONNECT_LOGICAL_DECIMAL:
        return "decimal";
    case CONNECT_LOGICAL_DATE:
        return "date";
    case CONNECT_LOGICAL_TIME:
        return "time-millis";
    case CONNECT_LOGICAL_TIMESTAMP:
        return "timestamp-millis";
    }
    return NULL;
}

static const char *small_integer_word(const struct connect_schema *s)
{
    return s->type == CONNECT_TYPE_INT8 ? "int8" : s->type == CONNECT_TYPE_INT16 ? "int16" : NULL;
}

/* Whether a type needs more than its name. */
static bool has_properties(const struct writer *w, const struct connect_schema *s)
{
    if (s->logical != CONNECT_LOGICAL_NONE) {
        return true;
    }
    return w->options->meta_data &&
           (s->doc != NULL || s->has_version || s->parameter_count > 0 || s->has_default ||
            s->name != NULL || small_integer_word(s) != NULL);
}

static void write_properties(struct writer *w, const struct connect_schema *s)
{
    if (w->options->meta_data) {
        if (s->doc != NULL) {
            put(w, ",\"connect.doc\":");
            put_text(w, s->doc);
        }
        if (s->has_version) {
            buf_printf(w->out, ",\"connect.version\":%" PRId32, s->version);
        }
        write_parameters(w, s);
        if (s->has_default) {
            put(w, ",\"connect.default\":");
            write_default(w, s, &s->default_value);
        }
        if (s->name != NULL) {
            put(w, ",\"connect.name\":");
            put_text(w, s->name);
        }
        if (small_integer_word(s) != NULL) {
            buf_printf(w->out, ",\"connect.type\":\"%s\"", small_integer_word(s));
        }
    }
    if (logical_word(s) != NULL) {
        buf_printf(w->out, ",\"logicalType\":\"%s\"", logical_word(s));
    }
}

static const char *primitive_word(enum connect_type type)
{
    static const char *const words[] = {"int",    "int",     "int",    "long", "float",
                                        "double", "boolean", "string", "bytes"};
    return words[type];
}

static void write_primitive(struct writer *w, const struct connect_schema *s)
{
    if (!has_properties(w, s)) {
        buf_printf(w->out, "\"%s\"", primitive_word(s->type));
        return;
    }
    buf_printf(w->out, "{\"type\":\"%s\"", primitive_word(s->type));
    if (s->logical == CONNECT_LOGICAL_DECIMAL) {
        const char *precision = connect_schema_find_parameter(s, "connect.decimal.precision");
        long digits = precision != NULL ? strtol(precision, NULL, 10) : PRECISION_DEFAULT;
        buf_printf(w->out, ",\"scale\":%" PRId32 ",\"precision\":%ld", s->scale, digits);
    }
    write_properties(w, s);
    put(w, "}");
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_field(struct writer *w, const struct connect_schema *record,
                        const struct connect_field *field)
{
    const struct connect_schema *s = field->schema;
    put(w, "{\"name\":");
    put_name(w, bytes_of_text(field->name));
    put(w, ",\"type\":");
    write_type(w, s, false);
    for (size_t i = 0; i < record->parameter_count; i++) {
        const char *key = record->parameters[i].key;
        if (strncmp(key, FIELD_DOC, sizeof FIELD_DOC - 1) == 0 &&
            strcmp(key + sizeof FIELD_DOC - 1, field->name) == 0) {
            put(w, ",\"doc\":");
            put_text(w, record->parameters[i].value);
        }
    }
    if (s->has_default) {
        put(w, ",\"default\":");
        write_default(w, s, &s->default_value);
    } else if (s->optional) {
        put(w, ",\"default\":null");
    }
    put(w, "}");
}

/* A type that is there already is named only; its name is short inside its own namespace. */
static bool write_reference(struct writer *w, const struct connect_schema *s)
{
    for (size_t i = 0; s->name != NULL && i < w->named_count; i++) {
        if (strcmp(w->named[i]->name, s->name) == 0) {
            struct full_name n = split_name(s->name);
            bool same = bytes_equal(n.space, w->space);
            put_quoted(w, same ? n.name : bytes_of_text(s->name));
            return true;
        }
    }
    return false;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_record(struct writer *w, const struct connect_schema *s)
{
    char unnamed[64];
    struct full_name n;
    if (write_reference(w, s)) {
        return;
    }
    if (s->name != NULL) {
        n = split_name(s->name);
        if (w->named_count == NAMED_MAX) {
            w->code = err_set(w->e, ERR_LIMIT, "more than %zu record types in a schema", NAMED_MAX);
            return;
        }
        w->named[w->named_count++] = s;
    } else {
        w->default_count++;
        (void)snprintf(unnamed, sizeof unnamed, "ConnectDefault");
        if (w->default_count > 1) {
            (void)snprintf(unnamed, sizeof unnamed, "ConnectDefault%zu", w->default_count);
        }
        n = (struct full_name){bytes_of_text(SPACE_DEFAULT), bytes_of_text(unnamed)};
    }
    put(w, "{\"type\":\"record\"");
    put_full_name(w, &n);
    const char *doc = connect_schema_find_parameter(s, RECORD_DOC);
    if (doc != NULL) {
        put(w, ",\"doc\":");
        put_text(w, doc);
    }
    struct bytes around = w->space;
    w->space = n.space;
    put(w, ",\"fields\":[");
    for (size_t i = 0; i < s->field_count && w->code == ERR_OK; i++) {
        put(w, i > 0 ? "," : "");
        write_field(w, s, &s->fields[i]);
    }
    put(w, "]");
    w->space = around;
    write_properties(w, s);
    put(w, "}");
}

bool avro_schema_text_plain_map(const struct connect_schema *schema)
{
    return schema->key_schema->type == CONNECT_TYPE_STRING && !schema->key_schema->optional;
}

/* The record of one entry of a map whose keys are not plain texts. */
// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_map_entry(struct writer *w, const struct connect_schema *s)
{
    struct full_name n = {bytes_of_text(SPACE_DEFAULT), bytes_of_text("MapEntry")};
    if (s->name != NULL) {
        n = split_name(s->name);
    }
    put(w, "{\"type\":\"record\"");
    put_full_name(w, &n);
    struct bytes around = w->space;
    w->space = n.space;
    put(w, ",\"fields\":[{\"name\":\"key\",\"type\":");
    write_type(w, s->key_schema, false);
    put(w, s->key_schema->optional ? ",\"default\":null" : "");
    put(w, "},{\"name\":\"value\",\"type\":");
    write_type(w, s->value_schema, false);
    put(w, s->value_schema->optional ? ",\"default\":null" : "");
    put(w, "}]");
    w->space = around;
    put(w, s->name != NULL ? ",\"connect.internal.type\":\"MapEntry\"}" : "}");
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_collection(struct writer *w, const struct connect_schema *s)
{
    if (s->type == CONNECT_TYPE_ARRAY) {
        put(w, "{\"type\":\"array\",\"items\":");
        write_type(w, s->value_schema, false);
    } else if (avro_schema_text_plain_map(s)) {
        put(w, "{\"type\":\"map\",\"values\":");
        write_type(w, s->value_schema, false);
    } else {
        put(w, "{\"type\":\"array\",\"items\":");
        write_map_entry(w, s);
    }
    write_properties(w, s);
    put(w, "}");
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_type(struct writer *w, const struct connect_schema *s, bool as_required)
{
    if (s->optional && !as_required) {
        put(w, s->has_default ? "[" : "[\"null\",");
        write_type(w, s, true);
        put(w, s->has_default ? ",\"null\"]" : "]");
        return;
    }
    if (s->type == CONNECT_TYPE_STRUCT) {
        write_record(w, s);
    } else if (s->type == CONNECT_TYPE_ARRAY || s->type == CONNECT_TYPE_MAP) {
        write_collection(w, s);
    } else {
        write_primitive(w, s);
    }
}

enum err_code avro_schema_text_write(const struct connect_schema *schema,
                                     const struct avro_schema_text_options *options,
                                     struct buf *out, struct err *e)
{
    struct err own;
    struct writer w = {.out = out, .options = options, .e = e != NULL ? e : &own};
    write_type(&w, schema, false);
    return w.code == ERR_OK ? buf_check(out, "Avro schema", e) : w.code;
}

const char *avro_schema_text_record_name(const struct connect_schema *schema)
{
    if (schema->type != CONNECT_TYPE_STRUCT) {
        return NULL;
    }
    return schema->name != NULL ? schema->name : SPACE_DEFAULT ".ConnectDefault";
}
