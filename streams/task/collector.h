/* Where a task's records go: the producer of its thread, or the memory of the test driver. */
#pragma once

#include "streams/value/value.h"

struct collector_record {
    const char *topic;
    int32_t partition;          /* -1: by partition_key */
    struct bytes partition_key; /* null: any partition */
    struct bytes key;
    struct bytes value;
    int64_t timestamp_ms;
    const struct value_headers *headers; /* NULL: none */
    /* Of a changelog: gets the offset behind the record once it is written. Must live until the
     * collector is flushed or purged. */
    int64_t *acked_offset;
};

struct collector {
    /* Copies all that it is given. Waits for room while the broker is away. */
    enum err_code (*send)(struct collector *c, const struct collector_record *r, struct err *e);
};
