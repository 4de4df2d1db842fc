/*
 * Reads records from a stream of bytes by a record format (cli/record_format.h). Input is taken as
 * it comes, so that a record is there as soon as its last byte is. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/record_format.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

/* As read(2): bytes, 0 at the end, -1 with errno. */
typedef ssize_t (*record_reader_read_fn)(void *ctx, void *data, size_t size);

struct record_reader {
    const struct record_format *format;
    record_reader_read_fn read;
    void *ctx;
    struct buf input;
    size_t at; /* what is before it is used up */
    bool ended;
    struct arena arena; /* of the present record */
    size_t sizes[3];    /* of topic, key and value, once read */
    size_t header_count;
};

/* What was read, valid until the next call. */
struct record_input {
    struct bytes topic; /* null: not in the format */
    struct bytes key;
    struct bytes value;
    struct record_text_header *headers;
    size_t header_count;
    bool has_partition;
    int32_t partition;
    bool has_timestamp;
    int64_t timestamp_ms;
};

/* format was made for RECORD_READS and must outlive the reader. */
void record_reader_init(struct record_reader *r, const struct record_format *format,
                        record_reader_read_fn read, void *ctx, size_t record_bytes_max);
void record_reader_deinit(struct record_reader *r);
/* The next record, or *out_end when the input ends where one would begin. ERR_PARSE when it does
 * not match the format. */
enum err_code record_reader_next(struct record_reader *r, struct record_input *out, bool *out_end,
                                 struct err *e) ERR_MUST_CHECK;
