/* Builds record batches: for internal topics, tests and tools. One owner per builder. */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "protocol/record_batch.h"
#include "protocol/record_iterator.h"

/*
 * Builds one batch, for internal topics and tests. Options are set between init and the first
 * record. Failure is sticky and comes out of record_builder_finish.
 */
struct record_builder {
    struct buf records; /* uncompressed */
    int64_t base_offset;
    int16_t attributes; /* codec and transactional or control bits */
    int32_t partition_leader_epoch;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int32_t count;
};

void record_builder_init(struct record_builder *b, size_t limit_bytes);
void record_builder_deinit(struct record_builder *b);
/* Appends a record; key and value may be null. headers may be NULL when header_count is 0. Offsets
 * are consecutive. */
void record_builder_append(struct record_builder *b, int64_t timestamp_ms, struct bytes key,
                           struct bytes value, const struct record_header *headers,
                           int32_t header_count);
/* Appends the finished batch to out and empties the builder for the next one, whose base offset
 * follows. */
enum err_code record_builder_finish(struct record_builder *b, struct buf *out,
                                    struct err *e) ERR_MUST_CHECK;
