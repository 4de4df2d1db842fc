/*
 * The compression codecs of record batches, in both directions, each with a cap on what comes out:
 * a few bytes can claim to become gigabytes. Stateless; any thread.
 *
 * Read: gzip with any number of members; snappy as one raw block or as the framed stream of Java
 * clients; LZ4 frames; zstd frames, with or without a content size. Written: gzip with one member;
 * snappy framed, which every client reads; LZ4 frame; zstd with its content size.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

/* The codec bits of a batch's attributes. */
enum compression {
    COMPRESSION_NONE = 0,
    COMPRESSION_GZIP = 1,
    COMPRESSION_SNAPPY = 2,
    COMPRESSION_LZ4 = 3,
    COMPRESSION_ZSTD = 4,
};

/* "gzip", as in compression.type; NULL for a value that is no codec. */
const char *compression_name(enum compression codec);
/* False when the name is not one of none, gzip, snappy, lz4, zstd. */
bool compression_find(const char *name, enum compression *out_codec);

/* Appends the compressed form of in. */
enum err_code compression_encode(enum compression codec, struct bytes in, struct buf *out,
                                 struct err *e) ERR_MUST_CHECK;
/* Appends what in stands for. CORRUPT: not valid for the codec; LIMIT: more than out may hold;
 * UNSUPPORTED: no such codec. */
enum err_code compression_decode(enum compression codec, struct bytes in, struct buf *out,
                                 struct err *e) ERR_MUST_CHECK;
