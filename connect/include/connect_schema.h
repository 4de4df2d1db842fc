/*
 * The Connect data model's schemas: what a value is, whether it may be null, its default, and the
 * name, version, doc and parameters that converters carry over to Avro and JSON. A schema is
 * immutable once built and reference-counted, so that tasks, records, transform caches and
 * converter caches share one; any thread may hold and read it. Equal schemas from one source should
 * be one pointer: caches compare pointers first and contents only when those differ.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "connect/include/connect_value.h"

/* X(name, JSON type word). The order is that of the originals' enum. */
#define CONNECT_TYPES(X)  \
    X(INT8, "int8")       \
    X(INT16, "int16")     \
    X(INT32, "int32")     \
    X(INT64, "int64")     \
    X(FLOAT32, "float")   \
    X(FLOAT64, "double")  \
    X(BOOLEAN, "boolean") \
    X(STRING, "string")   \
    X(BYTES, "bytes")     \
    X(ARRAY, "array")     \
    X(MAP, "map")         \
    X(STRUCT, "struct")

enum connect_type {
#define CONNECT_TYPE_ENUM(name, word) CONNECT_TYPE_##name,
    CONNECT_TYPES(CONNECT_TYPE_ENUM)
#undef CONNECT_TYPE_ENUM
};

/* The logical types that every converter and transform knows, told apart by the schema's name. */
enum connect_logical {
    CONNECT_LOGICAL_NONE,
    CONNECT_LOGICAL_DECIMAL,   /* BYTES, unscaled big-endian two's complement, parameter "scale" */
    CONNECT_LOGICAL_DATE,      /* INT32, days since 1970-01-01 */
    CONNECT_LOGICAL_TIME,      /* INT32, milliseconds since midnight */
    CONNECT_LOGICAL_TIMESTAMP, /* INT64, milliseconds since 1970 UTC */
};

#define CONNECT_DECIMAL_NAME "org.apache.kafka.connect.data.Decimal"
#define CONNECT_DATE_NAME "org.apache.kafka.connect.data.Date"
#define CONNECT_TIME_NAME "org.apache.kafka.connect.data.Time"
#define CONNECT_TIMESTAMP_NAME "org.apache.kafka.connect.data.Timestamp"

struct connect_parameter {
    const char *key;
    const char *value;
};

struct connect_field {
    const char *name;
    const struct connect_schema *schema;
    uint32_t index;
};

/* Read freely, change never: build with the builder below. */
struct connect_schema {
    enum connect_type type;
    enum connect_logical logical;
    bool optional;
    bool has_version;
    bool has_default;
    int32_t version;
    int32_t scale;                              /* DECIMAL only, from the parameter */
    const char *name;                           /* NULL when absent */
    const char *doc;                            /* NULL when absent */
    const struct connect_parameter *parameters; /* in the order they were set */
    size_t parameter_count;
    const struct connect_schema *key_schema;   /* MAP */
    const struct connect_schema *value_schema; /* ARRAY: the element; MAP: the value */
    const struct connect_field *fields;        /* STRUCT */
    size_t field_count;
    struct connect_value default_value; /* lives as long as the schema */
    /* Private. */
    _Atomic uint32_t ref_count;
    struct arena arena;
};

/* NULL is fine in both; ref returns its argument. */
const struct connect_schema *connect_schema_ref(const struct connect_schema *schema);
void connect_schema_unref(const struct connect_schema *schema);

/* By content, name order of parameters ignored; pointer-equal schemas are equal at once. NULL
 * equals NULL only. */
bool connect_schema_equal(const struct connect_schema *a, const struct connect_schema *b);
/* NULL when the struct schema has no such field. */
const struct connect_field *connect_schema_find_field(const struct connect_schema *schema,
                                                      const char *name);
/* NULL when absent. */
const char *connect_schema_find_parameter(const struct connect_schema *schema, const char *key);
/* "INT32", static: as the originals' messages print types. */
const char *connect_schema_type_name(enum connect_type type);
/* "int32", static: as JSON schemas print types. */
const char *connect_schema_type_word(enum connect_type type);
/* The schema of a plain primitive, shared and never freed (ref and unref still allowed): NULL for
 * ARRAY, MAP and STRUCT. */
const struct connect_schema *connect_schema_primitive(enum connect_type type, bool optional);

/* One schema under construction; one thread. All setters copy what they are given, keep the first
 * failure, and report it from connect_schema_builder_build. */
struct connect_schema_builder;

/* NULL when memory is short; every other function here accepts NULL and build then reports it. */
struct connect_schema_builder *connect_schema_builder_create(enum connect_type type);
/* A builder with everything that `schema` has; its fields are left out when `with_fields` is false
 * (to change some on the way). */
struct connect_schema_builder *
connect_schema_builder_create_from(const struct connect_schema *schema, bool with_fields);
void connect_schema_builder_set_optional(struct connect_schema_builder *b, bool optional);
/* NULL removes. */
void connect_schema_builder_set_name(struct connect_schema_builder *b, const char *name);
void connect_schema_builder_set_version(struct connect_schema_builder *b, int32_t version);
void connect_schema_builder_set_doc(struct connect_schema_builder *b, const char *doc);
/* Replaces the value of a key that is already there, in its place. */
void connect_schema_builder_set_parameter(struct connect_schema_builder *b, const char *key,
                                          const char *value);
/* Copied deep. A NULL value of an optional schema is a default, too (as in the originals, it then
 * changes nothing). */
void connect_schema_builder_set_default(struct connect_schema_builder *b,
                                        const struct connect_value *value);
/* Each takes a reference of its own. */
void connect_schema_builder_set_key_schema(struct connect_schema_builder *b,
                                           const struct connect_schema *schema);
void connect_schema_builder_set_value_schema(struct connect_schema_builder *b,
                                             const struct connect_schema *schema);
void connect_schema_builder_add_field(struct connect_schema_builder *b, const char *name,
                                      const struct connect_schema *schema);
/* Moves the reference in: for `add_field(b, "x", <schema made on the spot>)`. NULL fails the build.
 */
void connect_schema_builder_add_field_take(struct connect_schema_builder *b, const char *name,
                                           const struct connect_schema *take_schema);
/* Frees the builder in every case. The caller owns one reference of *out_schema. Fails on a
 * duplicate field, a missing element schema, a default of the wrong type, or lack of memory. */
enum err_code connect_schema_builder_build(struct connect_schema_builder *take_b,
                                           const struct connect_schema **out_schema, struct err *e);
/* For giving up half way. */
void connect_schema_builder_destroy(struct connect_schema_builder *b);

/* The four logical types, version 1. The caller owns one reference; NULL when memory is short. */
const struct connect_schema *connect_schema_create_decimal(int32_t scale, bool optional);
/* precision > 0 adds parameter connect.decimal.precision, as the JDBC connectors do. */
const struct connect_schema *
connect_schema_create_decimal_precision(int32_t scale, int32_t precision, bool optional);
const struct connect_schema *connect_schema_create_date(bool optional);
const struct connect_schema *connect_schema_create_time(bool optional);
const struct connect_schema *connect_schema_create_timestamp(bool optional);
