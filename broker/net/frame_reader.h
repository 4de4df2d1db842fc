/*
 * Cuts a byte stream into Kafka frames: a 32-bit length and as many bytes. Memory follows what has
 * arrived, not what a length field promises. A frame is a borrowed part of a
 * reference-counted buffer, so that a record batch is written to the log from the memory that the
 * socket was read into.
 *
 * Frames and their references belong to one thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

struct frame_buffer;

/* What stands in front of each frame. */
#define FRAME_LENGTH_BYTES 4

struct frame_reader {
    struct frame_buffer *buffer; /* NULL while nothing is pending */
    size_t begin;                /* first byte that belongs to no frame yet */
    size_t end;                  /* first free byte */
    size_t frame_max_bytes;
};

enum frame_status { FRAME_NONE, FRAME_READY, FRAME_BAD };

void frame_reader_init(struct frame_reader *r, size_t frame_max_bytes);
void frame_reader_deinit(struct frame_reader *r);
/* Room to read into, at least one byte; NULL when out of memory. Then frame_reader_commit. */
uint8_t *frame_reader_space(struct frame_reader *r, size_t *out_size);
void frame_reader_commit(struct frame_reader *r, size_t n);
/* READY: out_frame is the next frame without its length, valid until frame_buffer_unref(*out_ref).
 * BAD: the length is negative, shorter than any header or above the limit; the stream is lost. */
enum frame_status frame_reader_next(struct frame_reader *r, struct bytes *out_frame,
                                    struct frame_buffer **out_ref);
/* Bytes received that belong to no finished frame. */
size_t frame_reader_pending(const struct frame_reader *r);
/* Lets go of the buffer if nothing is pending: an idle connection holds no memory. */
void frame_reader_trim(struct frame_reader *r);

/* NULL is fine. */
void frame_buffer_unref(struct frame_buffer *b);
