/*
 * The records of __consumer_offsets, byte for byte Kafka's. Pure.
 */
#pragma once

#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"
#include "protocol/generated/messages.h"

struct arena;
struct buf;
struct group;

/* One committed offset. */
struct group_offset {
    int64_t offset;
    int64_t commit_ms;
    int64_t expire_ms;     /* -1 = by the broker's retention */
    int64_t log_offset;    /* of the record that says so: a later one wins */
    struct bytes metadata; /* never null */
    int32_t leader_epoch;  /* -1 = unknown */
};

enum group_record_kind { GROUP_RECORD_OFFSET, GROUP_RECORD_GROUP, GROUP_RECORD_OTHER };

struct group_record {
    enum group_record_kind kind; /* OTHER: consumer, share and streams groups, and later kinds */
    struct bytes group;
    struct bytes topic;
    int32_t partition;
    bool tombstone;
    struct group_offset offset;
    struct kafka_group_metadata_value metadata; /* arrays in the arena */
};

/* Appends the bytes of a key or value to out (sticky failure of the buffer). Keys v1 and v2, values
 * v3, v1 under explicit retention. */
void group_record_offset_key(struct buf *out, struct bytes group, struct bytes topic,
                             int32_t partition);
void group_record_offset_value(struct buf *out, const struct group_offset *offset);
void group_record_group_key(struct buf *out, struct bytes group);
/* Members with next_assignment are written with that one. */
ERR_MUST_CHECK enum err_code group_record_group_value(struct buf *out, const struct group *g,
                                                      struct arena *arena, struct err *e);

/* Reads any version. Texts are borrowed. CORRUPT when it is none of Kafka's records. */
ERR_MUST_CHECK enum err_code group_record_decode(struct bytes key, struct bytes value,
                                                 struct arena *arena,
                                                 struct group_record *out_record, struct err *e);

/* The subscribed topics in the bytes of a consumer's subscription: borrowed, the array in the
 * arena; -1 when the bytes cannot be understood.. */
int32_t group_record_subscription(struct bytes subscription, struct arena *arena,
                                  const struct bytes **out_topics);

/* Which of the partitions of __consumer_offsets: Java's String.hashCode over UTF-16. */
int32_t group_record_partition(struct bytes group, int32_t partition_count);
