/*
 * A growable byte buffer that cannot be created without a maximum. Failure is sticky: after the
 * first append that does not fit (or that the heap refuses) the rest are no-ops, and buf_failed()
 * is asked once at the end. Integers are written big-endian, as Kafka and our own files have them.
 * Not thread-safe: one owner.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t limit_bytes;
    bool failed;
};

void buf_init(struct buf *b, size_t limit_bytes);
void buf_deinit(struct buf *b);
/* len = 0 and not failed; memory is kept. */
void buf_clear(struct buf *b);
/* Room for n more bytes: a pointer to write them to, valid until the next call; then buf_commit.
 * NULL when failed. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
/* Cuts to len, which must not exceed the present one. */
void buf_truncate(struct buf *b, size_t len);

void buf_append(struct buf *b, const void *data, size_t len);
void buf_append_bytes(struct buf *b, struct bytes bytes);
void buf_append_text(struct buf *b, const char *text);
void buf_append_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) ERR_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) ERR_PRINTF(2, 0);

void buf_append_u8(struct buf *b, uint8_t v);
void buf_append_be16(struct buf *b, uint16_t v);
void buf_append_be32(struct buf *b, uint32_t v);
void buf_append_be64(struct buf *b, uint64_t v);
/* Base-128 varint, least significant group first; at most 10 bytes. */
void buf_append_uvarint(struct buf *b, uint64_t v);
/* Zigzag varint, as in Kafka records and Avro. */
void buf_append_varint(struct buf *b, int64_t v);
/* How many bytes that takes. */
size_t buf_varint_size(int64_t v);
/* Overwrites 4 bytes at an earlier position: lengths that are known late. */
void buf_put_be32(struct buf *b, size_t at, uint32_t v);

bool buf_failed(const struct buf *b);
struct bytes buf_bytes(const struct buf *b);
/* The content with a terminator behind it (not counted), or NULL when failed. Valid until the next
 * append. */
const char *buf_text(struct buf *b);
/* Moves the memory to the caller (mem_free), NUL-terminated; the buffer is empty afterwards. NULL
 * when failed. */
char *buf_take_text(struct buf *b);
/* ERR_OK, or why it failed: LIMIT or NOMEM, with `what` in front. */
enum err_code buf_check(const struct buf *b, const char *what, struct err *e);
