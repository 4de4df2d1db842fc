/*
 * Reads bytes that somebody else wrote, without ever leaving them. Failure is sticky: a read past
 * the end, or a bad varint, gives zero (or null) and every later read too; reader_failed() is asked
 * once at the end. Big-endian.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

void reader_init(struct reader *r, struct bytes bytes);
size_t reader_left(const struct reader *r);
bool reader_failed(const struct reader *r);
/* Marks the input as bad: for checks of the caller's own. */
void reader_fail(struct reader *r);

uint8_t reader_u8(struct reader *r);
uint16_t reader_be16(struct reader *r);
uint32_t reader_be32(struct reader *r);
uint64_t reader_be64(struct reader *r);
/* At most 10 bytes; over-long forms whose value fits are accepted, as Kafka's readers do. */
uint64_t reader_uvarint(struct reader *r);
/* Zigzag. */
int64_t reader_varint(struct reader *r);
/* Zigzag, fails outside int32. */
int32_t reader_varint32(struct reader *r);
/* n bytes, borrowed from the input (never null unless failed); fails when fewer are left. */
struct bytes reader_bytes(struct reader *r, size_t n);
void reader_skip(struct reader *r, size_t n);
