#include "streams/runtime/commit_metadata.h"

#include <openssl/evp.h>

#include "common/reader.h"

#define COMMIT_METADATA_MAGIC 2

void commit_metadata_encode(int64_t partition_time_ms, char out[COMMIT_METADATA_MAX])
{
    uint8_t raw[13] = {COMMIT_METADATA_MAGIC};
    for (size_t i = 0; i < 8; i++) {
        raw[1 + i] = (uint8_t)((uint64_t)partition_time_ms >> (56 - 8 * i));
    }
    /* 13 bytes give 20 characters and a terminator. */
    (void)EVP_EncodeBlock((unsigned char *)out, raw, sizeof raw);
}

int64_t commit_metadata_decode(const char *metadata, size_t len)
{
    uint8_t raw[COMMIT_METADATA_MAX * 64];
    if (len < 12 || len % 4 != 0 || len > sizeof raw) {
        return -1;
    }
    int n = EVP_DecodeBlock(raw, (const unsigned char *)metadata, (int)len);
    if (n < 9 || (raw[0] != 1 && raw[0] != COMMIT_METADATA_MAGIC)) {
        return -1;
    }
    struct reader r;
    reader_init(&r, bytes_of(raw + 1, 8));
    int64_t time_ms = (int64_t)reader_be64(&r);
    return time_ms >= 0 ? time_ms : -1;
}
