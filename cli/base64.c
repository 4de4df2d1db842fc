#include "cli/base64.h"

#include <limits.h>

#include <openssl/evp.h>

size_t base64_encode(const uint8_t *data, size_t size, uint8_t *out)
{
    return (size_t)EVP_EncodeBlock(out, data, (int)size);
}

ptrdiff_t base64_decode(const uint8_t *text, size_t size, uint8_t *out)
{
    if (size % 4 != 0 || size > INT_MAX) {
        return -1;
    }
    size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=') {
        padding++;
    }
    /* Padding counts as zero bytes there. */
    int n = EVP_DecodeBlock(out, text, (int)size);
    return n < 0 ? -1 : n - (ptrdiff_t)padding;
}
