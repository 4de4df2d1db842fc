#include "protocol/record_batch.h"

#include "common/check.h"
#include "common/reader.h"
#include "protocol/crc32c.h"
#include "protocol/kafka_error.h"

#define RECORD_BATCH_EPOCH_AT 12
#define RECORD_BATCH_CRC_AT 17
#define RECORD_BATCH_ATTRIBUTES_AT 21
#define RECORD_BATCH_MAX_TIMESTAMP_AT 35

int32_t record_batch_last_sequence(const struct record_batch *b)
{
    if (b->base_sequence < 0) {
        return -1;
    }
    int64_t last = (int64_t)b->base_sequence + b->last_offset_delta;
    return (int32_t)(last > INT32_MAX ? last - INT32_MAX - 1 : last);
}

enum compression record_batch_codec(const struct record_batch *b)
{
    return (enum compression)(b->attributes & RECORD_BATCH_ATTR_CODEC);
}

bool record_batch_is_transactional(const struct record_batch *b)
{
    return (b->attributes & RECORD_BATCH_ATTR_TRANSACTIONAL) != 0;
}

bool record_batch_is_control(const struct record_batch *b)
{
    return (b->attributes & RECORD_BATCH_ATTR_CONTROL) != 0;
}

bool record_batch_is_log_append_time(const struct record_batch *b)
{
    return (b->attributes & RECORD_BATCH_ATTR_LOG_APPEND_TIME) != 0;
}

int8_t record_batch_peek_magic(struct bytes bytes)
{
    return bytes.len > RECORD_BATCH_MAGIC_AT ? (int8_t)bytes.data[RECORD_BATCH_MAGIC_AT]
                                             : (int8_t)-1;
}

static enum record_batch_status record_batch_check_prefix(struct bytes bytes)
{
    if (bytes.len == 0) {
        return RECORD_BATCH_EMPTY;
    }
    int8_t magic = record_batch_peek_magic(bytes);
    if (bytes.len <= RECORD_BATCH_MAGIC_AT) {
        return RECORD_BATCH_TRUNCATED;
    }
    if (magic == 0 || magic == 1) {
        return RECORD_BATCH_LEGACY;
    }
    if (magic != 2) {
        return RECORD_BATCH_BAD_MAGIC;
    }
    return bytes.len < RECORD_BATCH_HEADER_BYTES ? RECORD_BATCH_TRUNCATED : RECORD_BATCH_OK;
}

enum record_batch_status record_batch_parse(struct bytes bytes, struct record_batch *out)
{
    enum record_batch_status status = record_batch_check_prefix(bytes);
    if (status != RECORD_BATCH_OK) {
        return status;
    }
    struct reader r;
    reader_init(&r, bytes);
    struct record_batch b;
    b.base_offset = (int64_t)reader_be64(&r);
    b.length = (int32_t)reader_be32(&r);
    b.partition_leader_epoch = (int32_t)reader_be32(&r);
    b.magic = (int8_t)reader_u8(&r);
    b.crc = reader_be32(&r);
    b.attributes = (int16_t)reader_be16(&r);
    b.last_offset_delta = (int32_t)reader_be32(&r);
    b.base_timestamp = (int64_t)reader_be64(&r);
    b.max_timestamp = (int64_t)reader_be64(&r);
    b.producer_id = (int64_t)reader_be64(&r);
    b.producer_epoch = (int16_t)reader_be16(&r);
    b.base_sequence = (int32_t)reader_be32(&r);
    b.count = (int32_t)reader_be32(&r);
    CHECK(!reader_failed(&r));
    if (b.length < RECORD_BATCH_HEADER_BYTES - RECORD_BATCH_PREFIX_BYTES) {
        return RECORD_BATCH_BAD_LENGTH;
    }
    if (record_batch_size(&b) > bytes.len) {
        return RECORD_BATCH_TRUNCATED;
    }
    b.bytes = bytes_of(bytes.data, record_batch_size(&b));
    *out = b;
    return RECORD_BATCH_OK;
}

static uint32_t record_batch_crc(const uint8_t *batch, size_t size)
{
    return crc32c(0, batch + RECORD_BATCH_ATTRIBUTES_AT, size - RECORD_BATCH_ATTRIBUTES_AT);
}

enum record_batch_status record_batch_check_crc(const struct record_batch *b)
{
    return record_batch_crc(b->bytes.data, b->bytes.len) == b->crc ? RECORD_BATCH_OK
                                                                   : RECORD_BATCH_BAD_CRC;
}

static const struct {
    const char *text;
    int16_t error;
} record_batch_statuses[] = {
    [RECORD_BATCH_OK] = {"valid", KAFKA_ERROR_NONE},
    [RECORD_BATCH_EMPTY] = {"no record batch", KAFKA_ERROR_INVALID_RECORD},
    [RECORD_BATCH_TRUNCATED] = {"cut short", KAFKA_ERROR_CORRUPT_MESSAGE},
    [RECORD_BATCH_BAD_LENGTH] = {"length below that of a header", KAFKA_ERROR_CORRUPT_MESSAGE},
    [RECORD_BATCH_BAD_MAGIC] = {"unknown magic", KAFKA_ERROR_CORRUPT_MESSAGE},
    [RECORD_BATCH_LEGACY] = {"message format 0 or 1", KAFKA_ERROR_INVALID_RECORD},
    [RECORD_BATCH_BAD_CRC] = {"wrong CRC", KAFKA_ERROR_CORRUPT_MESSAGE},
    [RECORD_BATCH_BAD_CODEC] = {"unknown compression codec",
                                KAFKA_ERROR_UNSUPPORTED_COMPRESSION_TYPE},
    [RECORD_BATCH_SEVERAL] = {"more than one batch", KAFKA_ERROR_INVALID_RECORD},
    [RECORD_BATCH_BAD_OFFSETS] = {"offsets do not match the record count",
                                  KAFKA_ERROR_INVALID_RECORD},
    [RECORD_BATCH_BAD_ATTRIBUTES] = {"attributes that a client may not set",
                                     KAFKA_ERROR_INVALID_RECORD},
    [RECORD_BATCH_BAD_SEQUENCE] = {"producer id without epoch or sequence",
                                   KAFKA_ERROR_INVALID_RECORD},
    [RECORD_BATCH_BAD_RECORDS] = {"malformed records", KAFKA_ERROR_INVALID_RECORD},
    [RECORD_BATCH_TOO_LARGE] = {"too large when decompressed", KAFKA_ERROR_MESSAGE_TOO_LARGE},
    [RECORD_BATCH_NULL_KEY] = {"record without a key in a compacted topic",
                               KAFKA_ERROR_INVALID_RECORD},
    [RECORD_BATCH_NO_MEMORY] = {"out of memory", KAFKA_ERROR_UNKNOWN_SERVER_ERROR},
};

int16_t record_batch_error(enum record_batch_status status)
{
    return record_batch_statuses[status].error;
}

const char *record_batch_status_text(enum record_batch_status status)
{
    return record_batch_statuses[status].text;
}

static void record_batch_put(uint8_t *at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        at[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    }
}

void record_batch_set_base_offset(uint8_t *batch, int64_t base_offset)
{
    record_batch_put(batch, (uint64_t)base_offset, 8);
}

void record_batch_set_leader_epoch(uint8_t *batch, int32_t epoch)
{
    record_batch_put(batch + RECORD_BATCH_EPOCH_AT, (uint64_t)epoch, 4);
}

void record_batch_set_max_timestamp(uint8_t *batch, size_t size, int64_t max_timestamp_ms)
{
    CHECK(size >= RECORD_BATCH_HEADER_BYTES);
    uint8_t before[8];
    memcpy(before, batch + RECORD_BATCH_MAX_TIMESTAMP_AT, sizeof before);
    record_batch_put(batch + RECORD_BATCH_MAX_TIMESTAMP_AT, (uint64_t)max_timestamp_ms, 8);
    if (memcmp(before, batch + RECORD_BATCH_MAX_TIMESTAMP_AT, sizeof before) != 0) {
        record_batch_put(batch + RECORD_BATCH_CRC_AT, record_batch_crc(batch, size), 4);
    }
}

void record_batch_set_append_time(uint8_t *batch, size_t size, int64_t append_time_ms)
{
    CHECK(size >= RECORD_BATCH_HEADER_BYTES);
    batch[RECORD_BATCH_ATTRIBUTES_AT + 1] |= RECORD_BATCH_ATTR_LOG_APPEND_TIME;
    record_batch_put(batch + RECORD_BATCH_MAX_TIMESTAMP_AT, (uint64_t)append_time_ms, 8);
    record_batch_put(batch + RECORD_BATCH_CRC_AT, record_batch_crc(batch, size), 4);
}
