/*
 * An Avro schema, kept whole: names, aliases, docs, defaults, orders, logical types and every
 * unknown attribute in its order, so that the stored text, compatibility verdicts and converters
 * need nothing else. (avro-c's own model drops most of these.)
 *
 * A schema is immutable, counted and may be used by any thread. Its types live as long as it does;
 * types that came from a referenced schema are kept alive by it. Types may refer to each other in
 * circles: whoever walks them bounds its depth.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/bytes.h"
#include "common/err.h"

struct buf;
struct avro_schema;

#define AVRO_SCHEMA_BYTES_MAX ((size_t)8 * 1024 * 1024)
/* Of the schema's JSON, and of every walk over data or types. */
#define AVRO_SCHEMA_DEPTH_MAX ((size_t)200)

/* X(name, word) in the order of Java's Schema.Type. */
#define AVRO_KINDS(X)     \
    X(RECORD, "record")   \
    X(ENUM, "enum")       \
    X(ARRAY, "array")     \
    X(MAP, "map")         \
    X(UNION, "union")     \
    X(FIXED, "fixed")     \
    X(STRING, "string")   \
    X(BYTES, "bytes")     \
    X(INT, "int")         \
    X(LONG, "long")       \
    X(FLOAT, "float")     \
    X(DOUBLE, "double")   \
    X(BOOLEAN, "boolean") \
    X(NULL, "null")

enum avro_kind {
#define AVRO_KIND_ENUM(name, word) AVRO_KIND_##name,
    AVRO_KINDS(AVRO_KIND_ENUM)
#undef AVRO_KIND_ENUM
};

enum avro_order { AVRO_ORDER_ASCENDING, AVRO_ORDER_DESCENDING, AVRO_ORDER_IGNORE };

struct avro_names {
    const char **items;
    size_t count;
};

struct avro_field {
    const char *name;
    const struct avro_type *type;
    const char *doc;            /* NULL = none */
    const json_t *default_json; /* NULL = none; JSON null is a default */
    enum avro_order order;
    struct avro_names aliases;
    const json_t *props; /* object of unknown attributes in their order, or NULL */
};

struct avro_type {
    enum avro_kind kind;
    /* record, enum, fixed */
    const char *name;      /* without namespace */
    const char *space;     /* NULL = none */
    const char *full_name; /* space.name */
    const char *doc;
    struct avro_names aliases; /* full names */
    bool is_error;             /* a record written as "error" */
    /* record */
    const struct avro_field *fields;
    size_t field_count;
    /* enum */
    struct avro_names symbols;
    const char *enum_default; /* NULL = none */
    /* array, map */
    const struct avro_type *items;
    /* union */
    const struct avro_type *const *branches;
    size_t branch_count;
    /* fixed */
    size_t size;
    /* every type but a union: unknown attributes in their order (logicalType, scale,
     * connect.name...), or NULL */
    const json_t *props;
};

struct avro_schema_options {
    /* Names and defaults are checked: for schemas that are new. Stored ones are taken as they are.
     */
    bool strict;
    /* Their named types are known by name. */
    struct avro_schema *const *references;
    size_t reference_count;
};

/* ERR_PARSE with the text that Java's parser gives (registry clients show it). options NULL =
 * lenient, no references. Comments are allowed; text behind the schema is not. */
enum err_code avro_schema_parse(struct bytes text, const struct avro_schema_options *options,
                                struct avro_schema **out_schema, struct err *e);
/* The same from a JSON tree, which stays the caller's. */
enum err_code avro_schema_build(const json_t *json, const struct avro_schema_options *options,
                                struct avro_schema **out_schema, struct err *e);
struct avro_schema *avro_schema_ref(struct avro_schema *s);
/* NULL is fine. */
void avro_schema_unref(struct avro_schema *s);

const struct avro_type *avro_schema_root(const struct avro_schema *s);
/* The canonical text: what a registry stores and hashes. Lives as long as the schema. */
const char *avro_schema_text(const struct avro_schema *s);
/* The text that normalize=true asks for: attributes and aliases sorted, defaults printed by type.
 */
void avro_schema_write_normalized(const struct avro_schema *s, struct buf *b);
/* The canonical text of one type, as in an error message. */
void avro_schema_write_type(const struct avro_type *type, struct buf *b);
/* The canonical text with every referenced type written out at its first use. */
void avro_schema_write_resolved(const struct avro_schema *s, struct buf *b);

/* Whether two types say the same, as Java compares schemas: full names, fields in their order with
 * defaults and orders, symbols, branches, attributes. meta: docs, aliases and enum defaults count
 * too. False when they are too deep or too many to be compared. */
bool avro_schema_same(const struct avro_type *a, const struct avro_type *b, bool meta);

/* "record" and so on; static. */
const char *avro_schema_word(enum avro_kind kind);
/* The full name of a named type, the word of any other: what tells union branches apart. */
const char *avro_schema_branch_name(const struct avro_type *type);
/* NULL when there is no such field. */
const struct avro_field *avro_schema_field(const struct avro_type *record, const char *name);
/* The index of a branch of that kind, or -1. */
int avro_schema_branch_of(const struct avro_type *u, enum avro_kind kind);
/* The value of an attribute, or NULL. */
const json_t *avro_schema_prop(const struct avro_type *type, const char *name);
/* Its text, or NULL when absent or no string: avro_schema_prop_text(t, "logicalType"). */
const char *avro_schema_prop_text(const struct avro_type *type, const char *name);
bool avro_schema_is_named(const struct avro_type *type);
