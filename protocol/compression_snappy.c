#include "protocol/compression_snappy.h"

#include <snappy-c.h>
#include <string.h>

#include "common/reader.h"

#define COMPRESSION_SNAPPY_BLOCK_BYTES ((size_t)32 * 1024)
#define COMPRESSION_SNAPPY_HEADER_BYTES 16

static const uint8_t compression_snappy_header[COMPRESSION_SNAPPY_HEADER_BYTES] = {
    0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};

static enum err_code compression_snappy_encode_block(struct bytes in, struct buf *out,
                                                     struct err *e)
{
    size_t at = out->len;
    buf_append_be32(out, 0);
    size_t n = snappy_max_compressed_length(in.len);
    uint8_t *to = buf_reserve(out, n);
    if (to == NULL) {
        return err_set(e, ERR_LIMIT, "snappy: no room for %zu bytes", in.len);
    }
    if (snappy_compress((const char *)in.data, in.len, (char *)to, &n) != SNAPPY_OK) {
        return err_set(e, ERR_INTERNAL, "snappy: cannot compress %zu bytes", in.len);
    }
    buf_commit(out, n);
    buf_put_be32(out, at, (uint32_t)n);
    return ERR_OK;
}

enum err_code compression_snappy_encode(struct bytes in, struct buf *out, struct err *e)
{
    buf_append(out, compression_snappy_header, sizeof compression_snappy_header);
    enum err_code rc = buf_check(out, "snappy", e);
    size_t at = 0;
    while (rc == ERR_OK && at < in.len) {
        size_t n = in.len - at;
        n = n < COMPRESSION_SNAPPY_BLOCK_BYTES ? n : COMPRESSION_SNAPPY_BLOCK_BYTES;
        rc = compression_snappy_encode_block(bytes_of(in.data + at, n), out, e);
        at += n;
    }
    return rc;
}

static enum err_code compression_snappy_decode_block(struct bytes in, struct buf *out,
                                                     struct err *e)
{
    size_t n = 0;
    if (snappy_uncompressed_length((const char *)in.data, in.len, &n) != SNAPPY_OK) {
        return err_set(e, ERR_CORRUPT, "snappy data: malformed length");
    }
    if (n > out->limit_bytes - out->len) {
        return err_set(e, ERR_LIMIT, "data of more than %zu bytes when decompressed",
                       out->limit_bytes);
    }
    /* The length is the sender's word: do not allocate for it what it cannot hold. */
    if (snappy_validate_compressed_buffer((const char *)in.data, in.len) != SNAPPY_OK) {
        return err_set(e, ERR_CORRUPT, "snappy data: malformed block");
    }
    uint8_t *to = buf_reserve(out, n);
    if (to == NULL) {
        return err_nomem(e, "snappy");
    }
    if (snappy_uncompress((const char *)in.data, in.len, (char *)to, &n) != SNAPPY_OK) {
        return err_set(e, ERR_CORRUPT, "snappy data: malformed block");
    }
    buf_commit(out, n);
    return ERR_OK;
}

/* The magic without the versions, which readers do not look at. */
static bool compression_snappy_is_framed(struct bytes in)
{
    return in.len >= COMPRESSION_SNAPPY_HEADER_BYTES &&
           memcmp(in.data, compression_snappy_header, 8) == 0;
}

enum err_code compression_snappy_decode(struct bytes in, struct buf *out, struct err *e)
{
    if (!compression_snappy_is_framed(in)) {
        return compression_snappy_decode_block(in, out, e);
    }
    struct reader r;
    reader_init(&r, in);
    enum err_code rc = ERR_OK;
    while (rc == ERR_OK && reader_left(&r) > 0) {
        /* Streams may be concatenated: a header may stand where a block would. */
        if (compression_snappy_is_framed(bytes_of(r.at, reader_left(&r)))) {
            reader_skip(&r, COMPRESSION_SNAPPY_HEADER_BYTES);
            continue;
        }
        uint32_t n = reader_be32(&r);
        struct bytes block = reader_bytes(&r, n);
        if (reader_failed(&r)) {
            return err_set(e, ERR_CORRUPT, "snappy data: cut short");
        }
        rc = compression_snappy_decode_block(block, out, e);
    }
    return rc;
}
