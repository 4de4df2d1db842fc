/*
 * From what a request names to a partition of the current view, with the error code of Kafka when
 * there is none. A view keeps its partitions alive.
 */
#pragma once

#include <stdint.h>

#include "common/bytes.h"

struct controller_view;
struct partition;
struct topic;

/* One node leads everything, from the first epoch on: nothing has ever been elected. */
#define PARTITION_LOOKUP_LEADER_EPOCH 0

/* 0; UNKNOWN_TOPIC_OR_PARTITION; KAFKA_STORAGE_ERROR when its directory failed. topic may be NULL.
 */
int16_t partition_lookup(const struct topic *topic, int32_t index,
                         struct partition **out_partition);
/* What the client believes (-1 = nothing) against the truth: 0, FENCED_LEADER_EPOCH or
 * UNKNOWN_LEADER_EPOCH. */
int16_t partition_lookup_check_epoch(int32_t client_epoch);
