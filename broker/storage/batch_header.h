/*
 * The fixed part of a record batch v2, for walking over a log: decoded from the header's 61 bytes
 * alone, where protocol/record_batch.h wants the whole batch in memory. Pure; input is untrusted
 * (disk or client).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define BATCH_HEADER_BYTES 61

struct batch_header {
    int64_t base_offset;
    int64_t last_offset;
    int64_t size_bytes; /* of the whole batch */
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int32_t leader_epoch;
    uint32_t crc;
    int32_t base_sequence;
    int32_t last_offset_delta;
    int32_t record_count;
    int16_t attributes;
    int16_t producer_epoch;
};

/* From at least BATCH_HEADER_BYTES bytes. False when it cannot be one: wrong magic, a length below
 * the minimum, negative offsets or counts. */
bool batch_header_decode(const uint8_t *data, struct batch_header *out_header);
/* The last sequence of the batch; sequences wrap from INT32_MAX to 0. */
int32_t batch_header_last_sequence(const struct batch_header *h);
