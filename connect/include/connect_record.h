/*
 * One source record, and the batch that a task fills. All memory of a batch is in its scope and is
 * given back at once, after every record of the batch has been acknowledged by Kafka and its offset
 * is no longer needed; so values may point into the arena, into schemas that the scope keeps, and
 * into memory that lives as long as the task.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "connect/include/connect_schema.h"
#include "connect/include/connect_value.h"

#define CONNECT_PARTITION_NONE (-1)
#define CONNECT_TIMESTAMP_NONE INT64_MIN

/* Memory of one batch: values, and references to the schemas that its records use. One thread. */
struct connect_scope {
    struct arena arena;
    const struct connect_schema **schemas; /* each holds one reference */
    size_t schema_count;
    size_t schema_capacity;
    bool failed; /* a schema could not be kept */
};

void connect_scope_init(struct connect_scope *s, size_t limit_bytes);
void connect_scope_reset(struct connect_scope *s);
void connect_scope_deinit(struct connect_scope *s);
/* Holds a reference until the scope is reset, and returns the schema. Cheap when it was the last
 * one kept. A schema that may be freed before the batch is (a task's after DDL, a transform's cache
 * entry) must be kept; statics need not. */
const struct connect_schema *connect_scope_keep_schema(struct connect_scope *s,
                                                       const struct connect_schema *schema);
bool connect_scope_failed(const struct connect_scope *s);

struct connect_header {
    const char *name;
    const struct connect_schema *schema; /* NULL = schemaless */
    struct connect_value value;
};

struct connect_record {
    /* {"protocol":"1","table":"public.purchases"}: compact JSON object, members in the order that
     * the originals write, because these bytes are the key that compaction works on. Lives as long
     * as the task. NULL: the record has no source position. */
    const char *source_partition;
    /* A MAP of STRING to primitives, in wire order; null when there is no source position. Printed
     * to JSON only when it is committed. */
    struct connect_value source_offset;
    const char *topic;                       /* lives as long as the batch */
    int32_t partition;                       /* CONNECT_PARTITION_NONE: the producer chooses */
    bool dropped;                            /* by a transform; counts as delivered */
    int64_t timestamp_ms;                    /* CONNECT_TIMESTAMP_NONE: the producer's clock */
    const struct connect_schema *key_schema; /* NULL = schemaless */
    struct connect_value key;
    const struct connect_schema *value_schema;
    struct connect_value value;
    struct connect_header *headers;
    size_t header_count;
};

struct connect_batch {
    struct connect_scope scope;
    struct connect_record *records;
    size_t count;
    size_t capacity;
};

/* capacity: upper bound of records; memory for them is taken here. */
enum err_code connect_batch_init(struct connect_batch *b, size_t capacity, size_t limit_bytes,
                                 struct err *e);
void connect_batch_reset(struct connect_batch *b);
void connect_batch_deinit(struct connect_batch *b);
/* The next record, with every member at "none"; NULL when the batch is full. */
struct connect_record *connect_batch_add(struct connect_batch *b);
/* Takes the last added record back. */
void connect_batch_remove_last(struct connect_batch *b);
/* A MAP of one STRING key and an INT64: the commonest source offset. The key is borrowed. */
struct connect_value connect_batch_offset(struct connect_batch *b, const char *key, int64_t value);
