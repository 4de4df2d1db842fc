/*
 * Record batches, format version 2: the bytes that producers send, segments hold and consumers
 * read. The broker keeps a batch as it came and rewrites only what it must:
 *
 *    0 baseOffset i64 *        21 attributes i16 +           43 producerId i64
 *    8 batchLength i32         23 lastOffsetDelta i32        51 producerEpoch i16
 *   12 partitionLeaderEpoch *  27 baseTimestamp i64          53 baseSequence i32
 *   16 magic i8                35 maxTimestamp i64 +         57 recordCount i32
 *   17 crc u32                                               61 records
 *
 * The CRC-32C covers bytes 21 to the end: the fields with * may change without touching it, those
 * with + are changed by LogAppendTime, which computes it anew. Nothing here keeps state; any
 * thread may call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "protocol/compression.h"

#define RECORD_BATCH_HEADER_BYTES 61
/* baseOffset and batchLength: what batchLength does not count. */
#define RECORD_BATCH_PREFIX_BYTES 12
/* magic stands at the same place in every format. */
#define RECORD_BATCH_MAGIC_AT 16

#define RECORD_BATCH_ATTR_CODEC 0x07
#define RECORD_BATCH_ATTR_LOG_APPEND_TIME 0x08
#define RECORD_BATCH_ATTR_TRANSACTIONAL 0x10
#define RECORD_BATCH_ATTR_CONTROL 0x20
#define RECORD_BATCH_ATTR_DELETE_HORIZON 0x40

#define RECORD_BATCH_NO_TIMESTAMP INT64_C(-1)
#define RECORD_BATCH_NO_PRODUCER INT64_C(-1)

/* What a check found. Each maps to one error code of Produce: see record_batch_error. */
enum record_batch_status {
    RECORD_BATCH_OK,
    RECORD_BATCH_EMPTY,      /* no bytes at all */
    RECORD_BATCH_TRUNCATED,  /* shorter than its header or its length says */
    RECORD_BATCH_BAD_LENGTH, /* batchLength below the header size */
    RECORD_BATCH_BAD_MAGIC,  /* not 0, 1 or 2 */
    RECORD_BATCH_LEGACY,     /* magic 0 or 1 */
    RECORD_BATCH_BAD_CRC,
    RECORD_BATCH_BAD_CODEC,      /* codec 5, 6 or 7 */
    RECORD_BATCH_SEVERAL,        /* bytes behind the first batch */
    RECORD_BATCH_BAD_OFFSETS,    /* base offset not 0, count <= 0, lastOffsetDelta + 1 != count */
    RECORD_BATCH_BAD_ATTRIBUTES, /* control bit, or a bit that has no meaning */
    RECORD_BATCH_BAD_SEQUENCE,   /* producer id without epoch or sequence */
    RECORD_BATCH_BAD_RECORDS,    /* does not decompress, or a malformed record */
    RECORD_BATCH_TOO_LARGE,      /* above the cap when decompressed */
    RECORD_BATCH_NULL_KEY,       /* a record without key where a key is required */
    RECORD_BATCH_NO_MEMORY,
};

/* The header, decoded. */
struct record_batch {
    int64_t base_offset;
    int32_t length; /* batchLength; see record_batch_size */
    int32_t partition_leader_epoch;
    int8_t magic;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t count;
    struct bytes bytes; /* the whole batch, header included; borrowed */
};

/* Total bytes of the batch, prefix included. */
static inline size_t record_batch_size(const struct record_batch *b)
{
    return (size_t)b->length + RECORD_BATCH_PREFIX_BYTES;
}

static inline int64_t record_batch_last_offset(const struct record_batch *b)
{
    return b->base_offset + b->last_offset_delta;
}

/* The sequence of the last record: 2147483647 is followed by 0. */
int32_t record_batch_last_sequence(const struct record_batch *b);
/* The codec bits; a value above COMPRESSION_ZSTD is not a codec. */
enum compression record_batch_codec(const struct record_batch *b);
bool record_batch_is_transactional(const struct record_batch *b);
bool record_batch_is_control(const struct record_batch *b);
bool record_batch_is_log_append_time(const struct record_batch *b);

/* The magic byte of what starts here (byte 16 in every format), or -1 when there are too few
 * bytes. */
int8_t record_batch_peek_magic(struct bytes bytes);

/*
 * Reads the header of the first batch in bytes. OK, EMPTY, TRUNCATED, BAD_LENGTH, BAD_MAGIC or
 * LEGACY; the CRC is not looked at. TRUNCATED is normal at the end of what a fetch returned.
 */
enum record_batch_status record_batch_parse(struct bytes bytes, struct record_batch *out);
/* OK or BAD_CRC. */
enum record_batch_status record_batch_check_crc(const struct record_batch *b);

/* What is asked of a batch. */
struct record_batch_rules {
    bool from_client;    /* base offset 0, count > 0, no control bit, nothing behind the batch */
    bool require_keys;   /* topic with cleanup.policy=compact */
    struct buf *scratch; /* for decompressed records; its limit caps their size */
};

/* The first failing record of a NULL_KEY or BAD_RECORDS, for record_errors of Produce v8+. */
struct record_batch_fault {
    int32_t record_index; /* -1: the batch as a whole */
    const char *reason;   /* static text */
};

/* Header, CRC and every record of what a producer sent for one partition: one batch, exactly.
 * out->max_timestamp is that of the records, whatever the header says: see
 * record_batch_set_max_timestamp. */
enum record_batch_status record_batch_validate(struct bytes bytes,
                                               const struct record_batch_rules *rules,
                                               struct record_batch *out,
                                               struct record_batch_fault *fault);

/* The error code of Produce v3+ for a status: 0 for OK, 2 when the bytes cannot be trusted
 * (TRUNCATED, BAD_LENGTH, BAD_MAGIC, BAD_CRC), 76 for BAD_CODEC, 10 for TOO_LARGE, -1 for
 * NO_MEMORY, else 87. */
int16_t record_batch_error(enum record_batch_status status);
/* "wrong CRC", static. */
const char *record_batch_status_text(enum record_batch_status status);

/* In-place rewrites of a batch of at least RECORD_BATCH_HEADER_BYTES that parsed. */
void record_batch_set_base_offset(uint8_t *batch, int64_t base_offset);
void record_batch_set_leader_epoch(uint8_t *batch, int32_t epoch);
/* Sets maxTimestamp, and the CRC anew if that is another. */
void record_batch_set_max_timestamp(uint8_t *batch, size_t size, int64_t max_timestamp_ms);
/* Sets LogAppendTime and maxTimestamp, and the CRC anew; size is that of the batch. */
void record_batch_set_append_time(uint8_t *batch, size_t size, int64_t append_time_ms);
