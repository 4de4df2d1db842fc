/*
 * Which partitions `topic consume` reads without a group, from where, and where each ends. Made
 * once at the start from the cluster's answers; then told of every record and end that is seen. One
 * owner.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "cli/offset_range.h"
#include "common/err.h"

struct cli;

struct consume_partition {
    const char *topic; /* borrowed from list */
    int32_t partition;
    int64_t start;
    int64_t stop; /* -1 = never */
    bool done;
};

struct consume_plan {
    rd_kafka_topic_partition_list_t *list; /* with start offsets, sorted */
    struct consume_partition *items;       /* in the order of list */
    int count;
    int open; /* not yet done */
};

struct consume_plan_request {
    const rd_kafka_topic_partition_list_t *topics;
    const char *partitions; /* "0,1,5", or NULL for all */
    struct offset_range range;
};

/* ERR_NOT_FOUND for a topic or partition that is not there. */
enum err_code consume_plan_create(const struct cli *cli, rd_kafka_t *rk,
                                  const struct consume_plan_request *request,
                                  struct consume_plan *out, struct err *e) ERR_MUST_CHECK;
void consume_plan_destroy(struct consume_plan *p);

/* Whether this record is to be shown; notes the end of its partition. */
bool consume_plan_take(struct consume_plan *p, const char *topic, int32_t partition,
                       int64_t offset);
/* The partition has nothing more at present; next_offset is what a new record would get. */
void consume_plan_reached(struct consume_plan *p, const char *topic, int32_t partition,
                          int64_t next_offset);
