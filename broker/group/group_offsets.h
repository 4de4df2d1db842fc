/*
 * The committed offsets of one group: topic and partition -> offset. Sorted, so that listing is in
 * order. The coordinator thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/group/group_record.h"
#include "common/bytes.h"

struct group_offsets_partition {
    int32_t index;
    struct group_offset offset; /* owns its metadata */
};

struct group_offsets_topic {
    struct bytes name;
    struct group_offsets_partition *partitions;
    size_t count;
    size_t capacity;
};

struct group_offsets {
    struct group_offsets_topic *topics;
    size_t count;
    size_t capacity;
};

void group_offsets_deinit(struct group_offsets *o);
/* NULL when nothing was committed. */
const struct group_offset *group_offsets_find(const struct group_offsets *o, struct bytes topic,
                                              int32_t partition);
const struct group_offsets_topic *group_offsets_find_topic(const struct group_offsets *o,
                                                           struct bytes topic);
/* Copies; one with a later log_offset is not overwritten. False when memory is short. */
bool group_offsets_set(struct group_offsets *o, struct bytes topic, int32_t partition,
                       const struct group_offset *offset);
/* False when there was none. An empty topic goes too. */
bool group_offsets_remove(struct group_offsets *o, struct bytes topic, int32_t partition);
