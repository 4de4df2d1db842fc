/* The records inside a batch, compressed or not. Nothing is kept; one owner per iterator. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/reader.h"
#include "protocol/record_batch.h"

struct record_header {
    struct bytes key; /* never null */
    struct bytes value;
};

/* One record. Everything is borrowed from the batch, or from the iterator's scratch buffer. */
struct record {
    int64_t offset;
    int64_t timestamp;
    struct bytes key;
    struct bytes value;
    struct bytes headers; /* encoded; see record_header_next */
    int32_t header_count;
};

/*
 * The records of one batch:
 *
 *     struct record_iterator it;
 *     status = record_iterator_init(&it, &batch, &scratch);
 *     while (status == RECORD_BATCH_OK && record_iterator_next(&it, &record)) ...
 *     if (it.status != RECORD_BATCH_OK) ...
 */
struct record_iterator {
    const struct record_batch *batch;
    struct reader r;
    int32_t index; /* of the next record */
    enum record_batch_status status;
    const char *reason; /* static; why status is BAD_RECORDS */
};

/* Decompresses into scratch (which is cleared, and whose limit caps the size) when needed; scratch
 * must live as long as the records are used. OK, BAD_CODEC, BAD_RECORDS, TOO_LARGE or NO_MEMORY. */
enum record_batch_status record_iterator_init(struct record_iterator *it,
                                              const struct record_batch *b, struct buf *scratch);
/* False at the end and after a failure (it->status). After the last record, bytes that are left
 * over are a failure. */
bool record_iterator_next(struct record_iterator *it, struct record *out);

/* Walks record->headers: start with a reader on it; false at the end. Headers were checked by the
 * iterator. */
bool record_header_next(struct reader *headers, struct record_header *out);
