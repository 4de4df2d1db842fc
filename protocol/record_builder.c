#include "protocol/record_builder.h"

#include "common/check.h"
#include "protocol/crc32c.h"

static size_t record_builder_bytes_size(struct bytes b)
{
    return buf_varint_size(bytes_is_null(b) ? -1 : (int64_t)b.len) + b.len;
}

static void record_builder_put_bytes(struct buf *out, struct bytes b)
{
    buf_append_varint(out, bytes_is_null(b) ? -1 : (int64_t)b.len);
    buf_append_bytes(out, b);
}

void record_builder_init(struct record_builder *b, size_t limit_bytes)
{
    *b = (struct record_builder){.partition_leader_epoch = -1,
                                 .producer_id = RECORD_BATCH_NO_PRODUCER,
                                 .producer_epoch = -1,
                                 .base_sequence = -1};
    buf_init(&b->records, limit_bytes);
}

void record_builder_deinit(struct record_builder *b)
{
    buf_deinit(&b->records);
}

void record_builder_append(struct record_builder *b, int64_t timestamp_ms, struct bytes key,
                           struct bytes value, const struct record_header *headers,
                           int32_t header_count)
{
    CHECK(header_count >= 0);
    CHECK(b->count < INT32_MAX);
    if (b->count == 0) {
        b->base_timestamp = timestamp_ms;
        b->max_timestamp = timestamp_ms;
    }
    b->max_timestamp = timestamp_ms > b->max_timestamp ? timestamp_ms : b->max_timestamp;
    int64_t timestamp_delta = (int64_t)((uint64_t)timestamp_ms - (uint64_t)b->base_timestamp);
    size_t size = 1 + buf_varint_size(timestamp_delta) + buf_varint_size(b->count) +
                  record_builder_bytes_size(key) + record_builder_bytes_size(value) +
                  buf_varint_size(header_count);
    for (int32_t i = 0; i < header_count; i++) {
        size +=
            record_builder_bytes_size(headers[i].key) + record_builder_bytes_size(headers[i].value);
    }
    buf_append_varint(&b->records, (int64_t)size);
    buf_append_u8(&b->records, 0);
    buf_append_varint(&b->records, timestamp_delta);
    buf_append_varint(&b->records, b->count);
    record_builder_put_bytes(&b->records, key);
    record_builder_put_bytes(&b->records, value);
    buf_append_varint(&b->records, header_count);
    for (int32_t i = 0; i < header_count; i++) {
        CHECK(!bytes_is_null(headers[i].key));
        record_builder_put_bytes(&b->records, headers[i].key);
        record_builder_put_bytes(&b->records, headers[i].value);
    }
    b->count++;
}

static void record_builder_put_header(const struct record_builder *b, struct buf *out)
{
    buf_append_be64(out, (uint64_t)b->base_offset);
    buf_append_be32(out, 0); /* batchLength */
    buf_append_be32(out, (uint32_t)b->partition_leader_epoch);
    buf_append_u8(out, 2);
    buf_append_be32(out, 0); /* crc */
    buf_append_be16(out, (uint16_t)b->attributes);
    buf_append_be32(out, (uint32_t)(b->count - 1));
    buf_append_be64(out, (uint64_t)b->base_timestamp);
    buf_append_be64(out, (uint64_t)b->max_timestamp);
    buf_append_be64(out, (uint64_t)b->producer_id);
    buf_append_be16(out, (uint16_t)b->producer_epoch);
    buf_append_be32(out, (uint32_t)b->base_sequence);
    buf_append_be32(out, (uint32_t)b->count);
}

enum err_code record_builder_finish(struct record_builder *b, struct buf *out, struct err *e)
{
    CHECK(b->count > 0);
    enum err_code rc = buf_check(&b->records, "records", e);
    if (rc != ERR_OK) {
        return rc;
    }
    size_t start = out->len;
    record_builder_put_header(b, out);
    rc = buf_check(out, "record batch", e);
    if (rc == ERR_OK) {
        rc = compression_encode((enum compression)(b->attributes & RECORD_BATCH_ATTR_CODEC),
                                buf_bytes(&b->records), out, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    size_t size = out->len - start;
    buf_put_be32(out, start + 8, (uint32_t)(size - RECORD_BATCH_PREFIX_BYTES));
    buf_put_be32(out, start + 17, crc32c(0, out->data + start + 21, size - 21));
    b->base_offset += b->count;
    if (b->base_sequence >= 0) {
        int64_t next = (int64_t)b->base_sequence + b->count;
        b->base_sequence = (int32_t)(next > INT32_MAX ? next - INT32_MAX - 1 : next);
    }
    b->count = 0;
    buf_clear(&b->records);
    return ERR_OK;
}
