#include "protocol/compression.h"

#include <lz4frame.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "common/check.h"
#include "common/mem.h"
#include "protocol/compression_snappy.h"

#define COMPRESSION_STEP_BYTES ((size_t)64 * 1024)
/* 15 is zlib's largest window; + 16 writes gzip, + 32 also accepts a bare zlib stream. */
#define COMPRESSION_GZIP_WRITE (15 + 16)
#define COMPRESSION_GZIP_READ (15 + 32)
#define COMPRESSION_ZSTD_LEVEL 3

static const char *const compression_names[] = {"none", "gzip", "snappy", "lz4", "zstd"};

#define COMPRESSION_COUNT (sizeof compression_names / sizeof compression_names[0])

const char *compression_name(enum compression codec)
{
    return (size_t)codec < COMPRESSION_COUNT ? compression_names[codec] : NULL;
}

bool compression_find(const char *name, enum compression *out_codec)
{
    for (size_t i = 0; i < COMPRESSION_COUNT; i++) {
        if (strcmp(name, compression_names[i]) == 0) {
            *out_codec = (enum compression)i;
            return true;
        }
    }
    return false;
}

static enum err_code compression_corrupt(struct err *e, const char *codec, const char *why)
{
    return err_set(e, ERR_CORRUPT, "%s data: %s", codec, why != NULL ? why : "malformed");
}

static enum err_code compression_too_large(const struct buf *out, struct err *e)
{
    return err_set(e, ERR_LIMIT, "data of more than %zu bytes when decompressed", out->limit_bytes);
}

/* Where to decompress to, and how much: at most a step, less when the cap is near, and 0 once it is
 * reached (a decoder that is at its end needs no room to say so). NULL: no memory. */
static uint8_t *compression_room(struct buf *out, size_t *room)
{
    size_t left = out->limit_bytes - out->len;
    *room = left < COMPRESSION_STEP_BYTES ? left : COMPRESSION_STEP_BYTES;
    return buf_reserve(out, *room);
}

static void *compression_zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return mem_calloc(count, size);
}

static void compression_zlib_free(void *opaque, void *ptr)
{
    (void)opaque;
    mem_free(ptr);
}

static enum err_code compression_encode_gzip(struct bytes in, struct buf *out, struct err *e)
{
    z_stream z = {.zalloc = compression_zlib_alloc, .zfree = compression_zlib_free};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, COMPRESSION_GZIP_WRITE, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return err_nomem(e, "gzip");
    }
    uint8_t *to = in.len <= UINT32_MAX ? buf_reserve(out, deflateBound(&z, in.len)) : NULL;
    if (to != NULL) {
        z.next_in = (Bytef *)(uintptr_t)in.data;
        z.avail_in = (uInt)in.len;
        z.next_out = to;
        z.avail_out = (uInt)deflateBound(&z, in.len);
        int rc = deflate(&z, Z_FINISH);
        CHECK(rc == Z_STREAM_END); /* deflateBound promises it */
        buf_commit(out, z.total_out);
    }
    (void)deflateEnd(&z);
    return to != NULL ? ERR_OK : err_set(e, ERR_LIMIT, "gzip: no room for %zu bytes", in.len);
}

/* One call of inflate. *done: the input is used up at the end of a member. */
static enum err_code compression_inflate_step(z_stream *z, struct buf *out, bool *done,
                                              struct err *e)
{
    size_t room = 0;
    uint8_t *to = compression_room(out, &room);
    if (to == NULL) {
        return err_nomem(e, "gzip");
    }
    z->next_out = to;
    z->avail_out = (uInt)room;
    int rc = inflate(z, Z_NO_FLUSH);
    buf_commit(out, room - z->avail_out);
    if (rc == Z_STREAM_END) {
        *done = z->avail_in == 0;
        /* Another member follows. */
        return *done || inflateReset(z) == Z_OK ? ERR_OK : compression_corrupt(e, "gzip", z->msg);
    }
    if (rc == Z_OK && (z->avail_out == 0 || z->avail_in > 0)) {
        return ERR_OK;
    }
    if (rc == Z_BUF_ERROR && room == 0) {
        return compression_too_large(out, e);
    }
    if (rc == Z_MEM_ERROR) {
        return err_nomem(e, "gzip");
    }
    return compression_corrupt(e, "gzip", rc == Z_DATA_ERROR ? z->msg : "cut short");
}

static enum err_code compression_decode_gzip(struct bytes in, struct buf *out, struct err *e)
{
    if (in.len > UINT32_MAX) {
        return compression_corrupt(e, "gzip", "larger than 4 GiB");
    }
    z_stream z = {.zalloc = compression_zlib_alloc, .zfree = compression_zlib_free};
    if (inflateInit2(&z, COMPRESSION_GZIP_READ) != Z_OK) {
        return err_nomem(e, "gzip");
    }
    z.next_in = (Bytef *)(uintptr_t)in.data;
    z.avail_in = (uInt)in.len;
    enum err_code rc = ERR_OK;
    bool done = false;
    while (rc == ERR_OK && !done) {
        rc = compression_inflate_step(&z, out, &done, e);
    }
    (void)inflateEnd(&z);
    return rc;
}

static enum err_code compression_encode_lz4(struct bytes in, struct buf *out, struct err *e)
{
    /* Java's reader knows only independent blocks. */
    const LZ4F_preferences_t preferences = {
        .frameInfo = {.blockMode = LZ4F_blockIndependent, .blockSizeID = LZ4F_max64KB}};
    size_t bound = LZ4F_compressFrameBound(in.len, &preferences);
    uint8_t *to = buf_reserve(out, bound);
    if (to == NULL) {
        return err_set(e, ERR_LIMIT, "lz4: no room for %zu bytes", in.len);
    }
    size_t n = LZ4F_compressFrame(to, bound, in.data, in.len, &preferences);
    if (LZ4F_isError(n)) {
        return err_set(e, ERR_NOMEM, "lz4: %s", LZ4F_getErrorName(n));
    }
    buf_commit(out, n);
    return ERR_OK;
}

static enum err_code compression_decode_lz4_frames(LZ4F_dctx *ctx, struct bytes in, struct buf *out,
                                                   struct err *e)
{
    size_t at = 0;
    size_t hint = 1;
    while (at < in.len || hint != 0) {
        size_t room = 0;
        uint8_t *to = compression_room(out, &room);
        if (to == NULL) {
            return err_nomem(e, "lz4");
        }
        size_t used = in.len - at;
        size_t made = room;
        hint = LZ4F_decompress(ctx, to, &made, in.data + at, &used, NULL);
        if (LZ4F_isError(hint)) {
            return compression_corrupt(e, "lz4", LZ4F_getErrorName(hint));
        }
        buf_commit(out, made);
        at += used;
        if (hint != 0 && used == 0 && made == 0) {
            return at == in.len && room > 0 ? compression_corrupt(e, "lz4", "cut short")
                                            : compression_too_large(out, e);
        }
    }
    return ERR_OK;
}

static enum err_code compression_decode_lz4(struct bytes in, struct buf *out, struct err *e)
{
    LZ4F_dctx *ctx = NULL;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION))) {
        return err_nomem(e, "lz4");
    }
    enum err_code rc = compression_decode_lz4_frames(ctx, in, out, e);
    (void)LZ4F_freeDecompressionContext(ctx);
    return rc;
}

static enum err_code compression_encode_zstd(struct bytes in, struct buf *out, struct err *e)
{
    size_t bound = ZSTD_compressBound(in.len);
    uint8_t *to = buf_reserve(out, bound);
    if (to == NULL) {
        return err_set(e, ERR_LIMIT, "zstd: no room for %zu bytes", in.len);
    }
    size_t n = ZSTD_compress(to, bound, in.data, in.len, COMPRESSION_ZSTD_LEVEL);
    if (ZSTD_isError(n)) {
        return err_set(e, ERR_NOMEM, "zstd: %s", ZSTD_getErrorName(n));
    }
    buf_commit(out, n);
    return ERR_OK;
}

static enum err_code compression_decode_zstd_frames(ZSTD_DCtx *ctx, struct bytes in,
                                                    struct buf *out, struct err *e)
{
    ZSTD_inBuffer input = {.src = in.data, .size = in.len};
    size_t hint = 1;
    while (input.pos < input.size || hint != 0) {
        size_t room = 0;
        uint8_t *to = compression_room(out, &room);
        if (to == NULL) {
            return err_nomem(e, "zstd");
        }
        size_t before = input.pos;
        ZSTD_outBuffer output = {.dst = to, .size = room};
        hint = ZSTD_decompressStream(ctx, &output, &input);
        /* With no room left the library may call the missing progress an error of its own. */
        if (ZSTD_isError(hint) && room > 0) {
            return compression_corrupt(e, "zstd", ZSTD_getErrorName(hint));
        }
        buf_commit(out, output.pos);
        if (ZSTD_isError(hint) || (hint != 0 && output.pos == 0 && input.pos == before)) {
            return room > 0 ? compression_corrupt(e, "zstd", "cut short")
                            : compression_too_large(out, e);
        }
    }
    return ERR_OK;
}

static enum err_code compression_decode_zstd(struct bytes in, struct buf *out, struct err *e)
{
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    if (ctx == NULL) {
        return err_nomem(e, "zstd");
    }
    enum err_code rc = compression_decode_zstd_frames(ctx, in, out, e);
    (void)ZSTD_freeDCtx(ctx);
    return rc;
}

enum err_code compression_encode(enum compression codec, struct bytes in, struct buf *out,
                                 struct err *e)
{
    switch (codec) {
    case COMPRESSION_NONE:
        buf_append_bytes(out, in);
        return buf_check(out, "records", e);
    case COMPRESSION_GZIP:
        return compression_encode_gzip(in, out, e);
    case COMPRESSION_SNAPPY:
        return compression_snappy_encode(in, out, e);
    case COMPRESSION_LZ4:
        return compression_encode_lz4(in, out, e);
    case COMPRESSION_ZSTD:
        return compression_encode_zstd(in, out, e);
    }
    return err_set(e, ERR_UNSUPPORTED, "compression codec %d", (int)codec);
}

enum err_code compression_decode(enum compression codec, struct bytes in, struct buf *out,
                                 struct err *e)
{
    switch (codec) {
    case COMPRESSION_NONE:
        if (in.len > out->limit_bytes - out->len) {
            return compression_too_large(out, e);
        }
        buf_append_bytes(out, in);
        return buf_check(out, "records", e);
    case COMPRESSION_GZIP:
        return compression_decode_gzip(in, out, e);
    case COMPRESSION_SNAPPY:
        return compression_snappy_decode(in, out, e);
    case COMPRESSION_LZ4:
        return compression_decode_lz4(in, out, e);
    case COMPRESSION_ZSTD:
        return compression_decode_zstd(in, out, e);
    }
    return err_set(e, ERR_UNSUPPORTED, "compression codec %d", (int)codec);
}
