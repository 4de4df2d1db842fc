/*
 * The two forms of snappy that Kafka clients send: one raw block (librdkafka, franz-go), or the
 * framed stream of the Java library: the 8 bytes 82 'SNAPPY' 00, two i32 versions, then blocks
 * of {i32 length, raw snappy}. Part of compression.c.
 */
#pragma once

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

/* Appends the framed form. */
enum err_code compression_snappy_encode(struct bytes in, struct buf *out,
                                        struct err *e) ERR_MUST_CHECK;
/* Either form; what comes out is bounded by the limit of out. */
enum err_code compression_snappy_decode(struct bytes in, struct buf *out,
                                        struct err *e) ERR_MUST_CHECK;
