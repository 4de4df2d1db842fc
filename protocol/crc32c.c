#include "protocol/crc32c.h"

#include <isa-l/crc.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    uint32_t state = ~crc;
    const uint8_t *at = data;
    while (len > 0) {
        size_t part = len > (1u << 30) ? (1u << 30) : len; /* the library counts in int */
        /* It only reads, but its prototype lacks the const. */
        state = crc32_iscsi((unsigned char *)(uintptr_t)at, (int)part, state);
        at += part;
        len -= part;
    }
    return ~state;
}
