/* First byte: the codec; the rest is compressed data. */
#include "protocol/compression.h"

#include "common/check.h"

#define LIMIT_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    enum compression codec = (enum compression)(data[0] % 6);
    struct buf out;
    buf_init(&out, LIMIT_BYTES);
    enum err_code rc = compression_decode(codec, bytes_of(data + 1, size - 1), &out, NULL);
    CHECK(out.len <= LIMIT_BYTES);
    if (rc == ERR_OK && codec != COMPRESSION_NONE) {
        struct buf packed;
        struct buf again;
        buf_init(&packed, LIMIT_BYTES * 2);
        buf_init(&again, out.len);
        CHECK(compression_encode(codec, buf_bytes(&out), &packed, NULL) == ERR_OK);
        CHECK(compression_decode(codec, buf_bytes(&packed), &again, NULL) == ERR_OK);
        CHECK(bytes_equal(buf_bytes(&out), buf_bytes(&again)));
        buf_deinit(&packed);
        buf_deinit(&again);
    }
    buf_deinit(&out);
    return 0;
}
