/* CRC-32C (Castagnoli), as record batches and our own files have it. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The checksum of what came before (0 = nothing) continued over len bytes. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
