/*
 * Values of the Connect data model: a tag and a word, 16 bytes, so that a row of twenty columns is
 * one small array. Anything longer than a word lives in the arena of the batch (struct
 * connect_scope) or in memory that outlives it; a value owns nothing and is copied by assignment.
 * The tag says what the value is; Date, Time and Timestamp are plain integers here and only the
 * schema tells them apart. A schemaless object is a MAP whose keys are STRINGs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

struct connect_schema;
struct connect_struct;
struct connect_pair;

enum connect_kind {
    CONNECT_NULL, /* the zero value */
    CONNECT_INT8,
    CONNECT_INT16,
    CONNECT_INT32,
    CONNECT_INT64,
    CONNECT_FLOAT32,
    CONNECT_FLOAT64,
    CONNECT_BOOLEAN,
    CONNECT_STRING,
    CONNECT_BYTES,
    CONNECT_DECIMAL,
    CONNECT_ARRAY,
    CONNECT_MAP,
    CONNECT_STRUCT,
};

struct connect_value {
    uint8_t kind;  /* enum connect_kind */
    int16_t scale; /* DECIMAL */
    uint32_t len;  /* STRING, BYTES, DECIMAL: bytes; ARRAY: items; MAP: pairs */
    union {
        int64_t integer; /* INT8 to INT64, sign-extended */
        double float64;
        float float32;
        bool boolean;
        const uint8_t *data; /* STRING (UTF-8, not NUL-terminated), BYTES, DECIMAL */
        struct connect_value *items;
        struct connect_pair *pairs;
        struct connect_struct *record;
    };
};

struct connect_pair {
    struct connect_value key;
    struct connect_value value;
};

/* values[i] belongs to schema->fields[i]. */
struct connect_struct {
    const struct connect_schema *schema;
    struct connect_value values[];
};

static inline struct connect_value connect_value_null(void)
{
    return (struct connect_value){.kind = CONNECT_NULL};
}

static inline bool connect_value_is_null(const struct connect_value *v)
{
    return v->kind == CONNECT_NULL;
}

/* kind is CONNECT_INT8, INT16, INT32 or INT64; the caller has checked the range. */
static inline struct connect_value connect_value_integer(enum connect_kind kind, int64_t v)
{
    return (struct connect_value){.kind = (uint8_t)kind, .integer = v};
}

static inline struct connect_value connect_value_int32(int32_t v)
{
    return connect_value_integer(CONNECT_INT32, v);
}

static inline struct connect_value connect_value_int64(int64_t v)
{
    return connect_value_integer(CONNECT_INT64, v);
}

static inline struct connect_value connect_value_float32(float v)
{
    return (struct connect_value){.kind = CONNECT_FLOAT32, .float32 = v};
}

static inline struct connect_value connect_value_float64(double v)
{
    return (struct connect_value){.kind = CONNECT_FLOAT64, .float64 = v};
}

static inline struct connect_value connect_value_boolean(bool v)
{
    return (struct connect_value){.kind = CONNECT_BOOLEAN, .boolean = v};
}

/* Borrows: data must live as long as the batch. Lengths over 4 GiB are the caller's bug. */
static inline struct connect_value connect_value_string(const char *text, size_t len)
{
    return (struct connect_value){
        .kind = CONNECT_STRING, .len = (uint32_t)len, .data = (const uint8_t *)text};
}

static inline struct connect_value connect_value_text(const char *text)
{
    return connect_value_string(text, strlen(text));
}

static inline struct connect_value connect_value_bytes(const void *data, size_t len)
{
    return (struct connect_value){.kind = CONNECT_BYTES, .len = (uint32_t)len, .data = data};
}

/* unscaled: big-endian two's complement of at least one byte; value = unscaled / 10^scale. */
static inline struct connect_value connect_value_decimal(const void *unscaled, size_t len,
                                                         int16_t scale)
{
    return (struct connect_value){
        .kind = CONNECT_DECIMAL, .scale = scale, .len = (uint32_t)len, .data = unscaled};
}

static inline struct connect_value connect_value_array(struct connect_value *items, size_t count)
{
    return (struct connect_value){.kind = CONNECT_ARRAY, .len = (uint32_t)count, .items = items};
}

static inline struct connect_value connect_value_map(struct connect_pair *pairs, size_t count)
{
    return (struct connect_value){.kind = CONNECT_MAP, .len = (uint32_t)count, .pairs = pairs};
}

static inline struct connect_value connect_value_struct(struct connect_struct *record)
{
    return (struct connect_value){.kind = CONNECT_STRUCT, .record = record};
}

/* STRING, BYTES and DECIMAL. */
static inline struct bytes connect_value_data(const struct connect_value *v)
{
    return bytes_of(v->data, v->len);
}

/* Equal to the text. */
bool connect_value_is_text(const struct connect_value *v, const char *text);

/* A struct of the schema with every field null; NULL when the arena is full. The schema must
 * outlive it. */
struct connect_struct *connect_value_create_struct(struct arena *a,
                                                   const struct connect_schema *schema);
/* Value of a field; a null becomes the field's default when its schema has one, as Struct.get does.
 * index < field count. */
const struct connect_value *connect_value_struct_get(const struct connect_struct *s, size_t index);
/* Value of a string key in a schemaless object; NULL when absent. */
const struct connect_value *connect_value_map_get(const struct connect_value *map, const char *key);

/* Deep copy into the arena. arena_failed() tells. Schemas of structs are shared, not copied. */
struct connect_value connect_value_copy(struct arena *a, const struct connect_value *v);
bool connect_value_equal(const struct connect_value *a, const struct connect_value *b);

/* Checks a value against a schema, deep: ERR_INVALID with the originals' texts ("Invalid value:
 * null used for required field: "f", schema type: INT32"). field may be NULL. */
enum err_code connect_value_check(const struct connect_value *v,
                                  const struct connect_schema *schema, const char *field,
                                  struct err *e);
/* Physical kind that values of a schema have: STRING for a STRING schema, DECIMAL for a Decimal. */
enum connect_kind connect_value_kind_of(const struct connect_schema *schema);
/* "java.lang.Integer": what the originals' messages call a value of this kind; static. */
const char *connect_value_class_name(const struct connect_value *v,
                                     const struct connect_schema *schema);

/* What Java's toString() gives: Struct{a=1,b=x} without nulls, {k=v}, [1, 2], 43.0, 1.0E10, null.
 * schema may be NULL; with it Date, Time and Timestamp print as java.util.Date in UTC. */
void connect_value_print(const struct connect_value *v, const struct connect_schema *schema,
                         struct buf *out);
/* BigDecimal.toString of an unscaled number. */
void connect_value_print_decimal(const struct connect_value *v, struct buf *out);

/* Compact JSON of a schemaless value, members in order; DECIMAL as a number, bytes as base64. */
void connect_value_write_json(const struct connect_value *v, struct buf *out);
/* Schemaless value of a JSON text: integers INT64, fractions FLOAT64, objects MAP. */
enum err_code connect_value_parse_json(struct arena *a, const char *json, size_t len,
                                       struct connect_value *out_value, struct err *e);
