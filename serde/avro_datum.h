/*
 * One Avro value of any schema, as a tree in an arena: for what has no fixed shape (generic serdes,
 * printing, the command line). Texts and bytes are borrowed from the decoded input. Decoding a flat
 * record takes one arena allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/bytes.h"
#include "common/err.h"

struct arena;
struct avro_type;
struct buf;

struct avro_datum {
    const struct avro_type *type; /* of the value itself: for a union, the union */
    union {
        bool boolean;
        int32_t int_value;
        int64_t long_value;
        float float_value;
        double double_value;
        struct bytes bytes; /* bytes, string, fixed */
        size_t symbol;      /* enum */
        struct {
            struct avro_datum
                *items; /* record: field by field; array: the items; map: the values */
            size_t count;
            struct bytes *keys; /* map only */
        } list;
        struct {
            size_t branch;
            struct avro_datum *value;
        } choice; /* union */
    } as;
};

/* The value of a union, else the datum itself: what most code wants to look at. */
const struct avro_datum *avro_datum_inner(const struct avro_datum *d);
/* A record's field by name, with unions looked through; NULL when there is none. */
const struct avro_datum *avro_datum_get(const struct avro_datum *record, const char *field);
bool avro_datum_is_null(const struct avro_datum *d);

/* All of data must be one value of the type. ERR_CORRUPT, or ERR_LIMIT when the arena is full. */
enum err_code avro_datum_decode(const struct avro_type *type, struct bytes data, struct arena *a,
                                struct avro_datum *out_datum, struct err *e);
/* Fails through the buffer. CHECKs that the tree fits its types. */
void avro_datum_encode(const struct avro_datum *d, struct buf *b);

/* As Java's GenericRecord.toString: {"type": "x", "amount": 1.5, "tag": null}. */
void avro_datum_write_text(const struct avro_datum *d, struct buf *b);
/* Avro's JSON encoding, compact: union values wrapped, {"type":{"string":"x"}}. */
void avro_datum_write_json(const struct avro_datum *d, struct buf *b);
/* From Avro's JSON encoding; a union value may also stand unwrapped when one branch fits. Texts are
 * borrowed from json. ERR_INVALID names the field. */
enum err_code avro_datum_from_json(const struct avro_type *type, const json_t *json,
                                   struct arena *a, struct avro_datum *out_datum, struct err *e);
/* From a default of the schema: as above, a union default belongs to the first branch that fits. */
enum err_code avro_datum_from_default(const struct avro_type *type, const json_t *json,
                                      struct arena *a, struct avro_datum *out_datum, struct err *e);
