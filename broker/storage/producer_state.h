/*
 * What one partition knows of its idempotent and transactional producers: epoch, the last five
 * batches, an open transaction. Rules: docs/on-disk-format.md (snapshot) and the table in
 * producer_state_check. Not thread-safe: the partition's lock. Memory is taken only when a producer
 * is seen for the first time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/storage/batch_header.h"
#include "broker/storage/partition.h"
#include "common/buf.h"
#include "common/err.h"

#define PRODUCER_STATE_WINDOW 5

struct producer;

struct producer_state {
    struct producer *by_id;      /* hash table */
    struct producer *idle_first; /* list, longest idle first */
    size_t count;
    size_t max_count;
    size_t open_txn_count;
};

struct producer_batch {
    int64_t last_offset;
    int64_t timestamp;
    int32_t first_sequence;
    int32_t last_sequence;
    int32_t offset_delta;
};

enum producer_verdict {
    PRODUCER_APPEND,
    PRODUCER_DUPLICATE,
    PRODUCER_OUT_OF_ORDER, /* a gap, or a new epoch that does not begin at 0 */
    PRODUCER_FENCED,       /* an older epoch */
    PRODUCER_NOT_IN_TXN,   /* a plain write inside the producer's open transaction */
};

void producer_state_init(struct producer_state *s, size_t max_count);
void producer_state_deinit(struct producer_state *s);

/* For a batch with a producer id. out_first is set for a duplicate: the batch as it was appended.
 */
enum producer_verdict producer_state_check(const struct producer_state *s,
                                           const struct batch_header *h,
                                           struct producer_batch *out_first);
/* Makes the entry that update needs; may forget the longest idle producer without a transaction. */
enum err_code producer_state_prepare(struct producer_state *s, int64_t producer_id, struct err *e);
/* The batch is in the log. Its producer must be prepared. */
void producer_state_update(struct producer_state *s, const struct batch_header *h);
/* Whether the newest batch of that producer ends at the offset. */
bool producer_state_is_last(const struct producer_state *s, int64_t producer_id,
                            int64_t last_offset);
/* First offset of the oldest open transaction; INT64_MAX when there is none. */
int64_t producer_state_first_unstable(const struct producer_state *s);
/* Forgets producers that wrote last before the time, unless a transaction is open. */
void producer_state_expire(struct producer_state *s, int64_t before_ms);
size_t producer_state_list(const struct producer_state *s, struct partition_producer *out_producers,
                           size_t capacity);

/* The snapshot file's bytes. */
void producer_state_encode(const struct producer_state *s, struct buf *out);
/* Into an empty state. ERR_CORRUPT for anything that encode cannot have written. */
enum err_code producer_state_decode(struct producer_state *s, struct bytes data, struct err *e);
