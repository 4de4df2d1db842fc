/* Shared by the reader (compacted_topic.c) and the writer (compacted_topic_write.c) only. */
#pragma once

#include <librdkafka/rdkafka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "client/compacted_topic.h"
#include "common/lock.h"

struct compacted_topic_position {
    int64_t next_offset; /* all before it has been given to on_record */
    int64_t first_end;   /* where the topic ended when reading began */
    bool read;           /* that end was reached */
};

struct compacted_topic {
    char *name;
    char *header_name; /* or NULL */
    struct client_config client;
    struct client_config topic_configs;
    int partitions_wanted;
    int required_partitions;
    int replication_factor;
    void (*on_record)(void *ctx, const struct compacted_topic_record *record);
    void (*on_state)(void *ctx, enum compacted_topic_state state, const struct err *why);
    void *ctx;
    struct logger *lg;

    rd_kafka_t *consumer;             /* reader thread */
    rd_kafka_t *producer;             /* any thread */
    rd_kafka_topic_t *producer_topic; /* keeps the producer's idea of leaders fresh */
    pthread_t reader;
    pthread_t writer; /* serves delivery reports */
    bool reader_started;
    bool writer_started;
    atomic_bool stop;
    rd_kafka_resp_err_t last_error; /* reader thread: what was logged last */

    struct lock lock;
    struct cond changed; /* any of the members below, a delivery, stop */
    enum compacted_topic_state state;
    struct err problem;
    struct compacted_topic_position *positions;
    int partition_count;
    int64_t latest_ns;       /* no call waits for longer: compacted_topic_hurry */
    char write_problem[256]; /* why the last attempt to write was in vain; "" when it was not */
    int unread_count; /* partitions whose end was not reached yet; written by the reader thread */
};

/* The producer's callbacks; its opaque is the topic. */
void compacted_topic_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);
void compacted_topic_producer_log(const rd_kafka_t *rk, int level, const char *facility,
                                  const char *text);
/* The first (RD_KAFKA_OFFSET_BEGINNING) or next (RD_KAFKA_OFFSET_END) offset of a partition. Ends
 * in time, unlike rd_kafka_query_watermark_offsets, which waits on while a leader is looked for. */
rd_kafka_resp_err_t compacted_topic_query_offset(rd_kafka_t *rk, const char *topic,
                                                 int32_t partition, int64_t which, int timeout_ms,
                                                 int64_t *out_offset);
