#include "broker/storage/batch_header.h"

#include "common/reader.h"

/* batchLength counts what follows it; the fixed part alone is 49. */
#define BATCH_HEADER_LENGTH_MIN 49
#define BATCH_HEADER_BEFORE_LENGTH 12

bool batch_header_decode(const uint8_t *data, struct batch_header *out_header)
{
    struct reader r;
    reader_init(&r, bytes_of(data, BATCH_HEADER_BYTES));
    struct batch_header h = {.base_offset = (int64_t)reader_be64(&r)};
    int32_t length = (int32_t)reader_be32(&r);
    h.leader_epoch = (int32_t)reader_be32(&r);
    uint8_t magic = reader_u8(&r);
    h.crc = reader_be32(&r);
    h.attributes = (int16_t)reader_be16(&r);
    h.last_offset_delta = (int32_t)reader_be32(&r);
    h.base_timestamp = (int64_t)reader_be64(&r);
    h.max_timestamp = (int64_t)reader_be64(&r);
    h.producer_id = (int64_t)reader_be64(&r);
    h.producer_epoch = (int16_t)reader_be16(&r);
    h.base_sequence = (int32_t)reader_be32(&r);
    h.record_count = (int32_t)reader_be32(&r);
    if (magic != 2 || length < BATCH_HEADER_LENGTH_MIN || h.last_offset_delta < 0 ||
        h.record_count < 0 || h.base_offset < 0 ||
        h.base_offset > INT64_MAX - 1 - h.last_offset_delta) {
        return false;
    }
    h.size_bytes = (int64_t)length + BATCH_HEADER_BEFORE_LENGTH;
    h.last_offset = h.base_offset + h.last_offset_delta;
    *out_header = h;
    return true;
}

int32_t batch_header_last_sequence(const struct batch_header *h)
{
    int64_t last = (int64_t)h->base_sequence + h->last_offset_delta;
    return (int32_t)(last > INT32_MAX ? last - INT32_MAX - 1 : last);
}
