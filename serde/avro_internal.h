/* The schema as avro_schema.c, avro_parse.c and avro_print.c share it. */
#pragma once

#include <stdatomic.h>

#include "common/arena.h"
#include "serde/avro_schema.h"

struct avro_schema {
    _Atomic int refs;
    struct arena arena;
    json_t *json;  /* what names, docs, attributes and defaults are borrowed from */
    json_t *kept;  /* array of the objects that were made while parsing */
    json_t *names; /* full name -> index in types, of the types that this document defines */
    struct avro_type **types;
    size_t type_count;
    struct avro_schema **references; /* counted */
    size_t reference_count;
    const struct avro_type *root;
    char *text;
};

struct buf;

/* The canonical text, from the tree. */
void avro_schema_write_canonical(const struct avro_schema *s, struct buf *b);
/* The one shared node of a primitive without attributes. */
const struct avro_type *avro_schema_primitive(enum avro_kind kind);
/* The kind of a primitive word, or -1. */
int avro_schema_primitive_kind(const char *word);
/* Whether a default fits the type; strict is what is meant. Bounded by the default's own depth. */
bool avro_schema_default_fits(const struct avro_type *type, const json_t *value);
/* A type that this document or its references define; NULL when neither does. */
const struct avro_type *avro_schema_find(const struct avro_schema *s, const char *full_name);
/* A number that JSON has no sign for, as Java reads it: NaN, Infinity, -Infinity. */
bool avro_schema_float_word(const char *text, double *out);

#define AVRO_LOGICAL_DECIMAL "decimal"
/* The logical type, if Java knows it and it may stand on this type; else NULL. */
const char *avro_logical_name(const struct avro_type *type);
