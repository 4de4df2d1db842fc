/*
 * Where a consumer group stands in each partition that it has committed or been assigned. Taken at
 * one moment; one owner.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "common/err.h"

struct cli;

struct group_lag_row {
    const char *topic; /* borrowed from the list */
    int32_t partition;
    int64_t committed;                          /* -1 = none */
    int64_t start;                              /* -1 = not known */
    int64_t end;                                /* -1 = not known */
    const rd_kafka_MemberDescription_t *member; /* NULL = not assigned */
    rd_kafka_resp_err_t error;
};

struct group_lag {
    rd_kafka_topic_partition_list_t *list;
    struct group_lag_row *rows; /* by topic and partition */
    int count;
};

enum err_code group_lag_create(const struct cli *cli,
                               const rd_kafka_ConsumerGroupDescription_t *group,
                               struct group_lag *out, struct err *e) ERR_MUST_CHECK;
void group_lag_destroy(struct group_lag *g);
/* Records that are still to be read, or -1: nothing committed or the end is 0. A commit below the
 * log start counts from there: what retention took away cannot be read any more. */
int64_t group_lag_of(const struct group_lag_row *row);
