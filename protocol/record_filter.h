/*
 * A record batch without some of its records, as compaction makes it: base offset, last offset,
 * producer fields, codec and the records that stay are as they were. Memory is kept from batch to
 * batch; one owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "protocol/record_batch.h"
#include "protocol/record_iterator.h"

typedef bool (*record_filter_fn)(void *ctx, const struct record *r);

struct record_filter {
    const struct record_batch *batch;
    struct record_iterator first; /* stands before the first record */
    struct buf scratch;           /* decompressed records */
    struct buf marks;             /* a byte per record: 1 = stays */
    struct buf records;           /* those that stay */
};

struct record_filter_survey {
    int32_t kept;
    bool tombstones; /* a record that stays has no value */
};

/* limit_bytes caps what one batch may become when decompressed. */
void record_filter_init(struct record_filter *f, size_t limit_bytes);
void record_filter_deinit(struct record_filter *f);

/* Asks `keep` about each record. The batch must live until the write. */
enum record_batch_status record_filter_survey(struct record_filter *f,
                                              const struct record_batch *batch,
                                              record_filter_fn keep, void *ctx,
                                              struct record_filter_survey *out_survey);
/*
 * Appends the surveyed batch with what stays, at least one record. A delete horizon >= 0 is set in
 * it (bit 6; it takes the place of the base timestamp, the records' own timestamps remain what they
 * were).
 */
enum err_code record_filter_write(struct record_filter *f, int64_t delete_horizon_ms,
                                  struct buf *out, struct err *e) ERR_MUST_CHECK;
/* Appends the batch as a header without records; maxTimestamp and producer fields stay. */
void record_filter_write_empty(const struct record_batch *batch, struct buf *out);
