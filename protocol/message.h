/*
 * Reads and writes any Kafka message of any version by walking a table of its fields. The tables
 * and the plain structs that they describe are generated from schemas/ (protocol/generated/).
 *
 * In a struct: strings and bytes are struct bytes (data NULL = null), an array is `T *x` with
 * `int32_t x_count` (-1 = null), a nullable struct is a pointer (NULL = null). A field that a
 * version does not have keeps its default on decode and is left out on encode.
 *
 * Decoded structs and arrays live in the arena; strings, bytes and records are borrowed from the
 * input and live as long as that. Nothing here keeps state: any thread may call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/reader.h"

/* 16 bytes, all zero = none. */
struct kafka_uuid {
    uint8_t bytes[16];
};

/*
 * Record batches, in one of two forms. In memory: `bytes` (data NULL = null), fd -1; decode gives
 * this form, borrowed from the input. In a file: fd >= 0 and the range file_position, file_length;
 * encode then writes the length prefix only and notes a splice, so that the network layer can send
 * the range straight from the file. `owner` is the caller's, and is carried along untouched.
 * A zeroed struct encodes as empty, not as null.
 */
struct kafka_records {
    struct bytes bytes;
    int fd;
    int64_t file_position;
    int32_t file_length;
    void *owner;
};

#define MESSAGE_VERSION_NEVER INT16_MAX
/* The schemas nest six deep; a walk deeper than this is a bug in a table. */
#define MESSAGE_DEPTH_MAX 16

enum message_type {
    MESSAGE_BOOL,
    MESSAGE_INT8,
    MESSAGE_INT16,
    MESSAGE_INT32,
    MESSAGE_INT64,
    MESSAGE_UUID,
    MESSAGE_STRING,
    MESSAGE_BYTES,
    MESSAGE_RECORDS,
    MESSAGE_STRUCT,
};

struct message_schema;

/* One row of a generated table. */
struct message_field {
    const char *name;
    const struct message_schema *schema; /* of a struct, or of an array's structs */
    int64_t default_value;
    uint32_t offset;
    uint32_t count_offset; /* of x_count, for arrays */
    uint32_t element_size; /* for arrays */
    int32_t limit;         /* elements of an array, bytes of a string */
    int16_t min_version;
    int16_t max_version;
    int16_t null_version; /* first version in which null is allowed */
    int16_t tag;          /* -1: not a tagged field */
    enum message_type type;
    bool is_array;
    bool default_null;
};

struct message_schema {
    const char *name; /* "fetch_request", "fetch_request_topic" */
    const struct message_field *fields;
    size_t field_count;
    int16_t min_version;
    int16_t max_version;
    int16_t flexible_version; /* first with compact lengths and tagged fields */
    size_t size;              /* of the struct */
};

struct message_api {
    int16_t key;
    const char *name;
    int16_t min_version;
    int16_t max_version;
    int16_t flexible_version;
    const struct message_schema *request;
    const struct message_schema *response;
};

/* All APIs by ascending key, and all top-level messages; generated. */
extern const struct message_api message_apis[];
extern const size_t message_apis_count;
extern const struct message_schema *const message_schemas[];
extern const size_t message_schemas_count;

/* NULL when the key is not known. */
const struct message_api *message_api_find(int16_t key);

/* Where file bytes belong: in front of output byte `position`. */
struct message_splice {
    size_t position;
    struct kafka_records records;
};

/* Splices of one output, in ascending position; the items live in the arena. */
struct message_splices {
    struct arena *arena;
    struct message_splice *items;
    size_t count;
    size_t capacity;
};

void message_splices_init(struct message_splices *s, struct arena *a);

/* Sets every field of the struct to its default: 0, "", an empty array or the schema's own value.
 * Use it on each struct that is built by hand: a zeroed one differs where a default is not 0. */
void message_init(const struct message_schema *s, void *msg);
/* An array of count structs with their defaults. NULL when the arena is full. */
void *message_alloc_array(const struct message_schema *s, struct arena *a, int32_t count);

/* Reads one message. Trailing bytes are left in the reader. Unknown tagged fields are skipped. On
 * failure *out must not be used. PARSE: not a message of this version; LIMIT: more than the
 * schema or the arena allows; UNSUPPORTED: no such version. */
enum err_code message_decode(const struct message_schema *s, int16_t version, struct reader *r,
                             struct arena *a, void *out, struct err *e) ERR_MUST_CHECK;

/* Appends one message. Null where this version cannot say null is written as empty. splices may be
 * NULL when no records are in a file. */
enum err_code message_encode(const struct message_schema *s, int16_t version, const void *msg,
                             struct buf *out, struct message_splices *splices,
                             struct err *e) ERR_MUST_CHECK;

/* Bytes that message_encode would give, those of spliced files included. */
size_t message_size(const struct message_schema *s, int16_t version, const void *msg);

/* Appends the message as one line of JSON, for logs and tools: the fields of this version in the
 * order of the schema; bytes as hex, records as their length. */
void message_print(const struct message_schema *s, int16_t version, const void *msg,
                   struct buf *out);
