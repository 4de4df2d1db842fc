/* Base64 by OpenSSL, whose names collide with common/err.h: so nothing of ours is included here. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Characters that size bytes give, padding included. */
static inline size_t base64_encoded_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

/* size <= 3072; out has room for base64_encoded_size(size) + 1. Returns the characters written. */
size_t base64_encode(const uint8_t *data, size_t size, uint8_t *out);
/* out has room for size / 4 * 3 bytes. Returns their number, or -1 when it is not padded base64. */
ptrdiff_t base64_decode(const uint8_t *text, size_t size, uint8_t *out);
