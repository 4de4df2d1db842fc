#include "protocol/record_iterator.h"

#include "common/check.h"

static bool record_iterator_fail(struct record_iterator *it, const char *reason)
{
    it->status = RECORD_BATCH_BAD_RECORDS;
    it->reason = reason;
    return false;
}

static enum record_batch_status record_iterator_decompress(struct record_iterator *it,
                                                           enum compression codec, struct bytes in,
                                                           struct buf *scratch)
{
    buf_clear(scratch);
    switch (compression_decode(codec, in, scratch, NULL)) {
    case ERR_OK:
        reader_init(&it->r, buf_bytes(scratch));
        return RECORD_BATCH_OK;
    case ERR_LIMIT:
        return RECORD_BATCH_TOO_LARGE;
    case ERR_NOMEM:
        return RECORD_BATCH_NO_MEMORY;
    case ERR_UNSUPPORTED:
        return RECORD_BATCH_BAD_CODEC;
    default:
        return RECORD_BATCH_BAD_RECORDS;
    }
}

enum record_batch_status record_iterator_init(struct record_iterator *it,
                                              const struct record_batch *b, struct buf *scratch)
{
    CHECK(b->bytes.len >= RECORD_BATCH_HEADER_BYTES);
    *it = (struct record_iterator){.batch = b};
    struct bytes records = bytes_of(b->bytes.data + RECORD_BATCH_HEADER_BYTES,
                                    b->bytes.len - RECORD_BATCH_HEADER_BYTES);
    enum compression codec = record_batch_codec(b);
    if (b->count < 0) {
        it->status = RECORD_BATCH_BAD_RECORDS;
    } else if (codec == COMPRESSION_NONE || b->count == 0) {
        reader_init(&it->r, records);
    } else {
        it->status = record_iterator_decompress(it, codec, records, scratch);
    }
    it->reason = b->count < 0                             ? "negative record count"
                 : it->status == RECORD_BATCH_BAD_RECORDS ? "does not decompress"
                                                          : record_batch_status_text(it->status);
    return it->status;
}

/* A negative length is null, as Java reads it. */
static struct bytes record_iterator_read_bytes(struct reader *r)
{
    int32_t len = reader_varint32(r);
    return len < 0 ? bytes_null() : reader_bytes(r, (size_t)len);
}

static bool record_iterator_check_headers(struct reader *r, int32_t count)
{
    for (int32_t i = 0; i < count && !reader_failed(r); i++) {
        struct record_header header;
        if (!record_header_next(r, &header)) {
            return false;
        }
    }
    return !reader_failed(r);
}

static bool record_iterator_set_position(struct record_iterator *it, struct record *out,
                                         int64_t timestamp_delta, int32_t offset_delta)
{
    const struct record_batch *b = it->batch;
    if (__builtin_add_overflow(b->base_offset, offset_delta, &out->offset)) {
        return record_iterator_fail(it, "offset out of range");
    }
    if (record_batch_is_log_append_time(b)) {
        out->timestamp = b->max_timestamp;
        return true;
    }
    if (__builtin_add_overflow(b->base_timestamp, timestamp_delta, &out->timestamp)) {
        return record_iterator_fail(it, "timestamp out of range");
    }
    return true;
}

bool record_iterator_next(struct record_iterator *it, struct record *out)
{
    if (it->status != RECORD_BATCH_OK) {
        return false;
    }
    if (it->index == it->batch->count) {
        return reader_left(&it->r) == 0 ? false
                                        : record_iterator_fail(it, "bytes after the last record");
    }
    int32_t size = reader_varint32(&it->r);
    struct bytes bytes = size < 0 ? bytes_null() : reader_bytes(&it->r, (size_t)size);
    if (bytes_is_null(bytes)) {
        return record_iterator_fail(it, "record length out of range");
    }
    struct reader r;
    reader_init(&r, bytes);
    (void)reader_u8(&r); /* attributes: none are defined */
    int64_t timestamp_delta = reader_varint(&r);
    int32_t offset_delta = reader_varint32(&r);
    struct record record = {.key = record_iterator_read_bytes(&r)};
    record.value = record_iterator_read_bytes(&r);
    record.header_count = reader_varint32(&r);
    record.headers = bytes_of(r.at, reader_left(&r));
    if (reader_failed(&r) || record.header_count < 0 ||
        !record_iterator_check_headers(&r, record.header_count)) {
        return record_iterator_fail(it, "malformed record");
    }
    if (reader_left(&r) != 0) {
        return record_iterator_fail(it, "record shorter than its length");
    }
    if (!record_iterator_set_position(it, &record, timestamp_delta, offset_delta)) {
        return false;
    }
    it->index++;
    *out = record;
    return true;
}

bool record_header_next(struct reader *headers, struct record_header *out)
{
    if (reader_left(headers) == 0) {
        return false;
    }
    int32_t key_len = reader_varint32(headers);
    if (key_len < 0) {
        reader_fail(headers);
        return false;
    }
    out->key = reader_bytes(headers, (size_t)key_len);
    out->value = record_iterator_read_bytes(headers);
    return !reader_failed(headers);
}
