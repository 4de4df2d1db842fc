/* Topics of the test driver: lists of records in memory, one partition each. */
#pragma once

#include "streams/value/value.h"

/* partition_time_ms of a topic that no source reads. */
#define DRIVER_TOPICS_NOT_INPUT INT64_MIN

struct driver_record {
    struct bytes key;
    struct bytes value;
    int64_t timestamp_ms;
    const struct value_headers *headers; /* NULL: none */
};

struct driver_topic {
    struct driver_topic *next;
    char *name;
    struct driver_record *records;
    size_t count;
    size_t capacity;
    size_t read;     /* by the test */
    size_t consumed; /* by the topology: given to its task */
    size_t committed;
    int64_t partition_time_ms;
    struct arena arena; /* the records' bytes */
};

struct driver_topics {
    struct driver_topic *first;
};

void driver_topics_deinit(struct driver_topics *topics);
/* NULL when there is none. */
struct driver_topic *driver_topics_find(const struct driver_topics *topics, const char *name);
/* Makes it if need be; NULL when out of memory. */
struct driver_topic *driver_topics_open(struct driver_topics *topics, const char *name);
/* Copies the record. */
enum err_code driver_topics_append(struct driver_topic *topic, const struct driver_record *record,
                                   struct err *e);
/* A list for a task record: mem_free(out->items). */
enum err_code driver_topics_copy_headers(const struct driver_record *record,
                                         struct value_headers *out, struct err *e);
