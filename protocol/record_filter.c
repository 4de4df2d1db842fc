#include "protocol/record_filter.h"

#include "common/check.h"
#include "protocol/crc32c.h"

#define RECORD_FILTER_LENGTH_AT 8
#define RECORD_FILTER_CRC_AT 17
#define RECORD_FILTER_ATTRIBUTES_AT 21
#define RECORD_FILTER_BASE_TIMESTAMP_AT 27
#define RECORD_FILTER_MAX_TIMESTAMP_AT 35
#define RECORD_FILTER_COUNT_AT 57

void record_filter_init(struct record_filter *f, size_t limit_bytes)
{
    *f = (struct record_filter){0};
    buf_init(&f->scratch, limit_bytes);
    buf_init(&f->marks, limit_bytes);
    /* A delete horizon makes the deltas of timestamps longer. */
    buf_init(&f->records, limit_bytes < SIZE_MAX / 4 ? limit_bytes * 4 : SIZE_MAX);
}

void record_filter_deinit(struct record_filter *f)
{
    buf_deinit(&f->scratch);
    buf_deinit(&f->marks);
    buf_deinit(&f->records);
}

enum record_batch_status record_filter_survey(struct record_filter *f,
                                              const struct record_batch *batch,
                                              record_filter_fn keep, void *ctx,
                                              struct record_filter_survey *out_survey)
{
    f->batch = batch;
    buf_clear(&f->marks);
    enum record_batch_status status = record_iterator_init(&f->first, batch, &f->scratch);
    struct record_filter_survey survey = {0};
    struct record_iterator it = f->first;
    struct record r;
    while (status == RECORD_BATCH_OK && record_iterator_next(&it, &r)) {
        bool stays = keep(ctx, &r);
        buf_append_u8(&f->marks, stays ? 1 : 0);
        if (stays) {
            survey.kept++;
            survey.tombstones = survey.tombstones || bytes_is_null(r.value);
        }
    }
    if (status == RECORD_BATCH_OK) {
        status = it.status;
    }
    if (status == RECORD_BATCH_OK && buf_failed(&f->marks)) {
        status = RECORD_BATCH_NO_MEMORY;
    }
    if (status == RECORD_BATCH_OK) {
        *out_survey = survey;
    }
    return status;
}

static void record_filter_put_be64(struct buf *b, size_t at, int64_t v)
{
    buf_put_be32(b, at, (uint32_t)((uint64_t)v >> 32));
    buf_put_be32(b, at + 4, (uint32_t)(uint64_t)v);
}

/* A record again, with another timestamp delta. It was read before and is well-formed. */
static void record_filter_put_record(struct buf *out, struct bytes bytes, int64_t timestamp_delta)
{
    struct reader r;
    reader_init(&r, bytes);
    (void)reader_varint32(&r); /* its size */
    (void)reader_u8(&r);       /* attributes: none are defined */
    (void)reader_varint(&r);   /* timestamp delta */
    int32_t offset_delta = reader_varint32(&r);
    CHECK(!reader_failed(&r));
    size_t size =
        1 + buf_varint_size(timestamp_delta) + buf_varint_size(offset_delta) + reader_left(&r);
    buf_append_varint(out, (int64_t)size);
    buf_append_u8(out, 0);
    buf_append_varint(out, timestamp_delta);
    buf_append_varint(out, offset_delta);
    buf_append(out, r.at, reader_left(&r));
}

/* The records that stay, into f->records. */
static void record_filter_collect(struct record_filter *f, int64_t delete_horizon_ms,
                                  int32_t *out_count, int64_t *out_max_timestamp)
{
    bool log_append_time = record_batch_is_log_append_time(f->batch);
    struct record_iterator it = f->first;
    struct record r;
    const uint8_t *from = it.r.at;
    buf_clear(&f->records);
    for (size_t i = 0; record_iterator_next(&it, &r); i++) {
        struct bytes whole = bytes_of(from, (size_t)(it.r.at - from));
        from = it.r.at;
        if (f->marks.data[i] == 0) {
            continue;
        }
        *out_count += 1;
        *out_max_timestamp = r.timestamp > *out_max_timestamp ? r.timestamp : *out_max_timestamp;
        if (delete_horizon_ms < 0) {
            /* The bases stay, so the deltas do. */
            buf_append_bytes(&f->records, whole);
        } else {
            uint64_t delta =
                log_append_time ? 0 : (uint64_t)r.timestamp - (uint64_t)delete_horizon_ms;
            record_filter_put_record(&f->records, whole, (int64_t)delta);
        }
    }
}

/* The batch that begins at `start` is complete but for length and CRC. */
static void record_filter_seal(struct buf *out, size_t start)
{
    size_t size = out->len - start;
    buf_put_be32(out, start + RECORD_FILTER_LENGTH_AT,
                 (uint32_t)(size - RECORD_BATCH_PREFIX_BYTES));
    buf_put_be32(out, start + RECORD_FILTER_CRC_AT,
                 crc32c(0, out->data + start + RECORD_FILTER_ATTRIBUTES_AT,
                        size - RECORD_FILTER_ATTRIBUTES_AT));
}

static void record_filter_set_attributes(struct buf *out, size_t start, int attributes)
{
    out->data[start + RECORD_FILTER_ATTRIBUTES_AT] = (uint8_t)((unsigned)attributes >> 8);
    out->data[start + RECORD_FILTER_ATTRIBUTES_AT + 1] = (uint8_t)attributes;
}

enum err_code record_filter_write(struct record_filter *f, int64_t delete_horizon_ms,
                                  struct buf *out, struct err *e)
{
    const struct record_batch *b = f->batch;
    CHECK(b != NULL);
    int32_t count = 0;
    int64_t max_timestamp = RECORD_BATCH_NO_TIMESTAMP;
    record_filter_collect(f, delete_horizon_ms, &count, &max_timestamp);
    CHECK(count > 0);
    enum err_code code = buf_check(&f->records, "records of a batch", e);
    if (code != ERR_OK) {
        return code;
    }
    size_t start = out->len;
    buf_append(out, b->bytes.data, RECORD_BATCH_HEADER_BYTES);
    code = buf_check(out, "record batch", e);
    if (code == ERR_OK) {
        code = compression_encode(record_batch_codec(b), buf_bytes(&f->records), out, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (delete_horizon_ms >= 0) {
        record_filter_set_attributes(out, start, b->attributes | RECORD_BATCH_ATTR_DELETE_HORIZON);
        record_filter_put_be64(out, start + RECORD_FILTER_BASE_TIMESTAMP_AT, delete_horizon_ms);
    }
    if (!record_batch_is_log_append_time(b)) {
        record_filter_put_be64(out, start + RECORD_FILTER_MAX_TIMESTAMP_AT, max_timestamp);
    }
    buf_put_be32(out, start + RECORD_FILTER_COUNT_AT, (uint32_t)count);
    record_filter_seal(out, start);
    return ERR_OK;
}

void record_filter_write_empty(const struct record_batch *batch, struct buf *out)
{
    size_t start = out->len;
    buf_append(out, batch->bytes.data, RECORD_BATCH_HEADER_BYTES);
    if (buf_failed(out)) {
        return;
    }
    record_filter_set_attributes(out, start,
                                 batch->attributes &
                                     ~(RECORD_BATCH_ATTR_CODEC | RECORD_BATCH_ATTR_DELETE_HORIZON));
    record_filter_put_be64(out, start + RECORD_FILTER_BASE_TIMESTAMP_AT, RECORD_BATCH_NO_TIMESTAMP);
    buf_put_be32(out, start + RECORD_FILTER_COUNT_AT, 0);
    record_filter_seal(out, start);
}
