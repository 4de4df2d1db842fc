#include "protocol/record_batch.h"
#include "protocol/record_iterator.h"

/* Bits that only a broker sets, and bits without a meaning. */
#define RECORD_BATCH_ATTR_CLIENT \
    (RECORD_BATCH_ATTR_CODEC | RECORD_BATCH_ATTR_LOG_APPEND_TIME | RECORD_BATCH_ATTR_TRANSACTIONAL)

static enum record_batch_status record_batch_check_client_header(const struct record_batch *b,
                                                                 struct bytes bytes)
{
    if (b->bytes.len != bytes.len) {
        return RECORD_BATCH_SEVERAL;
    }
    if (b->base_offset != 0 || b->count <= 0 || b->last_offset_delta != b->count - 1) {
        return RECORD_BATCH_BAD_OFFSETS;
    }
    if ((b->attributes & ~RECORD_BATCH_ATTR_CLIENT) != 0) {
        return RECORD_BATCH_BAD_ATTRIBUTES;
    }
    if (b->producer_id >= 0 && (b->base_sequence < 0 || b->producer_epoch < 0)) {
        return RECORD_BATCH_BAD_SEQUENCE;
    }
    return RECORD_BATCH_OK;
}

/* The largest timestamp replaces the header's. */
static enum record_batch_status record_batch_check_records(struct record_batch *b,
                                                           const struct record_batch_rules *rules,
                                                           struct record_batch_fault *fault)
{
    struct record_iterator it;
    enum record_batch_status status = record_iterator_init(&it, b, rules->scratch);
    if (status != RECORD_BATCH_OK) {
        fault->reason = it.reason;
        return status;
    }
    struct record record;
    int64_t max_timestamp = RECORD_BATCH_NO_TIMESTAMP;
    while (record_iterator_next(&it, &record)) {
        int32_t index = it.index - 1;
        max_timestamp = record.timestamp > max_timestamp ? record.timestamp : max_timestamp;
        if (rules->from_client && record.offset != b->base_offset + index) {
            *fault = (struct record_batch_fault){index, "offset delta is not the record's index"};
            return RECORD_BATCH_BAD_OFFSETS;
        }
        if (rules->require_keys && bytes_is_null(record.key)) {
            *fault =
                (struct record_batch_fault){index, record_batch_status_text(RECORD_BATCH_NULL_KEY)};
            return RECORD_BATCH_NULL_KEY;
        }
    }
    if (it.status != RECORD_BATCH_OK) {
        *fault = (struct record_batch_fault){it.index, it.reason};
    }
    b->max_timestamp = max_timestamp;
    return it.status;
}

enum record_batch_status record_batch_validate(struct bytes bytes,
                                               const struct record_batch_rules *rules,
                                               struct record_batch *out,
                                               struct record_batch_fault *fault)
{
    struct record_batch b;
    enum record_batch_status status = record_batch_parse(bytes, &b);
    if (status == RECORD_BATCH_OK) {
        status = record_batch_check_crc(&b);
    }
    if (status == RECORD_BATCH_OK && rules->from_client) {
        status = record_batch_check_client_header(&b, bytes);
    }
    *fault = (struct record_batch_fault){-1, record_batch_status_text(status)};
    if (status == RECORD_BATCH_OK) {
        status = record_batch_check_records(&b, rules, fault);
    }
    if (status == RECORD_BATCH_OK) {
        *out = b;
    }
    return status;
}
